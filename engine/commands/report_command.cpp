#include "engine/commands/report_command.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <span>

#include "engine/calls/design.hpp"
#include "engine/calls/report.hpp"
#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/explore/study_status.hpp"
#include "io/document/printable.hpp"
#include "io/results/design_compare.hpp"
#include "io/results/durable_file.hpp"

namespace ridgeline::engine {
namespace {

void write(const std::string& file, const std::string& text) {
  if (file == "-") {
    std::cout << io::printable_json(text);
  } else {
    io::write_durably(file, std::as_bytes(std::span(text)));
  }
}

}  // namespace

int report_command(const std::vector<std::string>& arguments) {
  namespace po = boost::program_options;
  po::options_description options("Options");
  auto add = options.add_options();
  add("csv", po::value<std::string>(), "write every candidate to this file (-: standard output)");
  add("top", po::value<std::uint64_t>()->default_value(20),
      "members of the front to show (0: all)");
  add("format", po::value<std::string>()->default_value("text"), "text or json");
  add("design", po::value<std::uint64_t>(), "one design by its id: with --export");
  add("export", po::value<std::string>(),
      "write the design's documents, its schedule and a script that gives its figures again "
      "into this folder");
  add("compare", po::value<std::vector<std::uint64_t>>()->multitoken(),
      "two ids: where and why the first differs from the second");
  add("follow", "show the study while it runs, until it ends");
  add("output,o", po::value<std::string>()->default_value("-"), "where the report goes");
  po::variables_map values;
  if (!parse_options(arguments, "ridgeline report STUDY.h5 [options]",
                     "The front of a study as a table, the best design for each objective, the\n"
                     "knee of the front, and what each parameter has to say about each objective.",
                     options, "file", values)) {
    return kDone;
  }
  if (values.count("file") == 0 || values["file"].as<std::vector<std::string>>().size() != 1) {
    throw UsageError("report takes one study file, e.g. ridgeline report study.h5");
  }
  const std::string study = values["file"].as<std::vector<std::string>>()[0];
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const auto top = values["top"].as<std::uint64_t>();

  if (values.count("design") != values.count("export"))
    throw UsageError("--design ID and --export DIR go together");
  if (values.count("design") != 0) {
    StudyDesigns designs(study);
    const auto id = values["design"].as<std::uint64_t>();
    const std::filesystem::path folder = values["export"].as<std::string>();
    std::cout << designs.write(id, folder) << '\n';
    return kDone;
  }
  if (values.count("compare") != 0) {
    const auto ids = values["compare"].as<std::vector<std::uint64_t>>();
    if (ids.size() != 2) throw UsageError("--compare takes two ids, e.g. --compare 17 4");
    StudyDesigns designs(study);
    const auto comparison =
        io::compare_designs(designs.file(), designs.row_of(ids[0]), designs.row_of(ids[1]),
                            designs.design(ids[0]), designs.design(ids[1]));
    write(values["output"].as<std::string>(),
          json ? comparison.dump(1) + "\n" : io::comparison_text(comparison, top));
    return kDone;
  }
  if (values.count("follow") != 0) follow_study(study, std::cerr);
  const Reported reported = report(study);
  const bool csv = values.count("csv") > 0;
  if (csv) write(values["csv"].as<std::string>(), reported.csv());
  // One thing on standard output: the CSV, where it goes there.
  if (!(csv && values["csv"].as<std::string>() == "-")) {
    write(values["output"].as<std::string>(), json ? reported.json(top) : reported.text(top));
  }
  return kDone;
}

}  // namespace ridgeline::engine
