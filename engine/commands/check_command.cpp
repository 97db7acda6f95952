#include "engine/commands/check_command.hpp"

#include <boost/program_options.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/calls/check.hpp"
#include "engine/commands/command_options.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/mapping_options.hpp"
#include "io/document/given.hpp"
#include "io/document/printable.hpp"
#include "io/results/missing_json.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

int check_command(const std::vector<std::string>& arguments) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("dim", po::value<std::vector<std::string>>(),
      "NAME=N, value of a symbolic dimension of ONNX models, or TENSOR:AXIS=N (repeatable)");
  add("format", po::value<std::string>()->default_value("text"), "text or json");
  add("physics", po::bool_switch(),
      "also what of an accelerator could not be built so: costs, and what ports can move");
  add("quiet", po::bool_switch(), "say only what is wrong");
  add("verbose", po::bool_switch(), "also what is suspicious, such as keys given twice");
  po::variables_map values;
  if (!parse_options(arguments, "ridgeline check [options] FILE...",
                     "Reads each file as what it is, and prints what it holds or what is wrong.",
                     options, "file", values)) {
    return kDone;
  }
  std::map<std::string, std::int64_t> dims;
  if (values.count("dim") != 0) dims = read_dims(values["dim"].as<std::vector<std::string>>());
  if (values.count("file") == 0) throw UsageError("check needs at least one FILE");
  const bool json = choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
  const bool quiet = values["quiet"].as<bool>();
  const Hooks hooks = hooks_of_command(values);
  bool all_good = true;
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  const auto& files = values["file"].as<std::vector<std::string>>();
  const bool physics = values["physics"].as<bool>();
  // Mappings are read again when it is known what the others say that are checked with them.
  std::vector<Checked> found;
  KnownNames names;
  for (const std::string& file : files) {
    found.push_back(check(file, dims, physics));
    names.add(found.back().names);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& file = files[i];
    const Checked checked = found[i].mapping ? check(file, dims, physics, names) : found[i];
    const bool plausible = checked.implausible.empty();
    nlohmann::ordered_json result{{"file", file}, {"ok", !checked.error && plausible}};
    if (checked.error) {
      all_good = false;
      result["error"] = checked.error->what();
      if (!json) std::cout << checked.error->what() << '\n';
    } else {
      result["found"] = checked.found;
      if (!plausible) {
        all_good = false;
        result["implausible"] = checked.implausible;
      }
      for (const std::string& remark : checked.remarks)
        hooks.note(io::name_of(file) + ": " + remark);
      if (!checked.remarks.empty()) result["remarks"] = checked.remarks;
      hooks.details(checked.notes);
      if (!checked.missing.empty()) result["missing"] = io::missing_json(checked.missing);
      if (!json) hooks.details({io::missing_note(checked.missing)});
      if (!json && plausible && !quiet) {
        std::cout << io::printable(file + ": ok, " + checked.found) << '\n';
      }
      for (const std::string& text : checked.implausible) {
        if (!json) std::cout << io::printable(file + ": implausible: " + text) << '\n';
      }
    }
    if (!quiet || !result["ok"].get<bool>()) results.push_back(std::move(result));
  }
  if (json) {
    std::cout << io::printable_json(
                     results.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace))
              << '\n';
  }
  return all_good ? kDone : kInvalidInput;
}

}  // namespace ridgeline::engine
