#include "engine/commands/command_options.hpp"

#include <sched.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <iostream>

#include "engine/commands/exit_code.hpp"
#include "io/document/nearest.hpp"
#include "io/document/printable.hpp"
#include "io/document/text_output.hpp"

namespace ridgeline::engine {

namespace po = boost::program_options;

bool parse_options(const std::vector<std::string>& arguments, std::string_view usage,
                   std::string_view introduction, po::options_description options,
                   const std::string& positional, po::variables_map& values) {
  options.add_options()("help,h", "show this help");
  if (std::any_of(arguments.begin(), arguments.end(),
                  [](const std::string& a) { return a == "--help" || a == "-h"; })) {
    std::cout << "Usage: " << usage << "\n\n" << introduction << "\n\n" << options;
    return false;
  }
  po::options_description all = options;
  po::positional_options_description places;
  if (!positional.empty()) {
    all.add_options()(positional.c_str(), po::value<std::vector<std::string>>());
    places.add(positional.c_str(), -1);
  }
  try {
    // No abbreviations: a script must not change its meaning when an option is added.
    namespace style = po::command_line_style;
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(places)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::unknown_option& unknown) {
    std::vector<std::string> names;
    for (const auto& option : options.options()) names.push_back("--" + option->long_name());
    const std::string given = unknown.get_option_name();
    const std::string near = io::suggestion(given, names);
    throw UsageError("there is no option '" + given + "' (" +
                     (near.starts_with("did") ? near : std::string("see --help")) + ")");
  } catch (const po::too_many_positional_options_error&) {
    throw UsageError("'" + std::string(usage) + "' takes no arguments without an option's name");
  }
  for (const auto& [name, value] : values) {
    // A switch has no value to be looked at.
    if (value.defaulted() || all.find(name, false).semantic()->max_tokens() == 0) continue;
    const auto* text = boost::any_cast<std::string>(&value.value());
    if (text != nullptr && text->empty()) {
      throw UsageError("--" + name + " takes a value, and '' is none");
    }
  }
  return true;
}

std::size_t choice(const std::string& option, const std::string& value,
                   const std::vector<std::string>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), value);
  if (found == choices.end()) {
    throw UsageError("'" + value + "' is no value of " + option + " (one of " +
                     io::join_or(choices) + ")");
  }
  return static_cast<std::size_t>(found - choices.begin());
}

void add_output_options(po::options_description& options) {
  auto add = options.add_options();
  add("format", po::value<std::string>()->default_value("text"), "text or json");
  add("output,o", po::value<std::string>(), "write the result to this file");
  add("quiet", po::bool_switch(), "no notes");
  add("verbose", po::bool_switch(), "more notes");
}

bool wants_details(const po::variables_map& values) {
  return choice("--detail", values["detail"].as<std::string>(), {"normal", "full"}) == 1;
}

bool wants_json(const po::variables_map& values) {
  return choice("--format", values["format"].as<std::string>(), {"text", "json"}) == 1;
}

void write_result(const po::variables_map& values, const std::string& text) {
  if (values.count("output") != 0) {
    io::write_text_file(values["output"].as<std::string>(), text);
  } else {
    std::cout << (wants_json(values) ? io::printable_json(text) : text);
  }
}

Hooks hooks_of_command(const po::variables_map& values) {
  Hooks hooks;
  if (values["quiet"].as<bool>()) return hooks;
  hooks.remark = [](const std::string& text) {
    std::cerr << "note: " << io::printable(text) << '\n';
  };
  if (values["verbose"].as<bool>()) hooks.detail = hooks.remark;
  return hooks;
}

std::string required(const po::variables_map& values, const std::string& command,
                     const char* name) {
  if (values.count(name) == 0) throw UsageError(command + " needs --" + name);
  return values[name].as<std::string>();
}

int at_least(const po::variables_map& values, const char* name, int least) {
  const int n = values[name].as<int>();
  if (n < least) {
    throw UsageError("--" + std::string(name) + " takes a whole number of at least " +
                     std::to_string(least));
  }
  return n;
}

int default_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace ridgeline::engine
