#include "engine/commands/report_command.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <span>

#include "engine/calls/report.hpp"
#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "io/results/durable_file.hpp"

namespace ridgeline::engine {
namespace {

void write(const std::string& file, const std::string& text) {
  if (file == "-") {
    std::cout << text;
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
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const auto top = values["top"].as<std::uint64_t>();

  const Reported reported = report(values["file"].as<std::vector<std::string>>()[0]);
  const bool csv = values.count("csv") > 0;
  if (csv) write(values["csv"].as<std::string>(), reported.csv());
  // One thing on standard output: the CSV, where it goes there.
  if (!(csv && values["csv"].as<std::string>() == "-")) {
    write(values["output"].as<std::string>(), json ? reported.json(top) : reported.text(top));
  }
  return kDone;
}

}  // namespace ridgeline::engine
