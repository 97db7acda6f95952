#include "engine/commands/command_options.hpp"

#include <sched.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <iostream>

#include "engine/commands/exit_code.hpp"
#include "io/document/nearest.hpp"

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

int default_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace ridgeline::engine
