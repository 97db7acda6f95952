#include "engine/commands/cli.hpp"

#include <array>
#include <exception>
#include <iostream>

#include "engine/commands/check_command.hpp"
#include "engine/commands/evaluate_command.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/explore_command.hpp"
#include "engine/commands/report_command.hpp"
#include "engine/commands/schedule_command.hpp"
#include "engine/run/failure.hpp"
#include "io/document/error.hpp"
#include "io/document/nearest.hpp"
#include "io/document/printable.hpp"

namespace ridgeline::engine {

namespace {

// A command lives in engine/<name>_command.hpp and .cpp as
//   int <name>_command(const std::vector<std::string>& arguments);
// and gets its line here, in the order of the help text.
constexpr std::array kCommands{
    Command{"evaluate", "predict energy, latency and area of a workload on a single core",
            evaluate_command},
    Command{"schedule", "schedule a network on a multi-core accelerator, fused or layer by layer",
            schedule_command},
    Command{"explore", "explore the architecture space of a study, alone or under mpirun",
            explore_command},
    Command{"report", "show the front of a study, and what its parameters do", report_command},
    Command{"check", "read documents and models, and say what is wrong with them", check_command},
};

void print_help(std::ostream& out) {
  out << "Ridgeline " << version()
      << ": architecture x mapping x schedule exploration for deep-learning accelerators\n\n"
         "Usage: ridgeline COMMAND [options]\n\nCommands:\n";
  for (const Command& command : commands()) {
    std::string name(command.name);
    name.resize(10, ' ');
    out << "  " << name << command.help << '\n';
  }
  out << "\n`ridgeline COMMAND --help` names a command's options.\n"
         "Exit codes: 0 done, 1 a bug in Ridgeline, 2 command line, 3 invalid input,\n"
         "4 nothing feasible, 74 input/output failed, 75 stopped early (resumable).\n";
}

int dispatch(const std::vector<std::string>& arguments, std::span<const Command> known) {
  if (arguments.empty()) {
    print_help(std::cerr);
    return kUsage;
  }
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    print_help(std::cout);
    return kDone;
  }
  if (first == "--version") {
    std::cout << "ridgeline " << version() << '\n';
    return kDone;
  }
  for (const Command& command : known) {
    if (command.name == first) return command.run({arguments.begin() + 1, arguments.end()});
  }
  std::vector<std::string> names;
  for (const Command& command : known) names.emplace_back(command.name);
  throw UsageError("there is no command '" + first + "' (" + io::suggestion(first, names) + ")");
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::string_view version() {
  return RIDGELINE_VERSION;
}

int run_command_line(const std::vector<std::string>& arguments) {
  return run_command_line(arguments, commands());
}

int run_command_line(const std::vector<std::string>& arguments, std::span<const Command> known) {
  const auto report = [](std::string_view what) {
    std::cerr << "ridgeline: " << io::printable(what, 2 * io::kMaxMessageBytes) << '\n';
  };
  int code = kBug;
  try {
    code = dispatch(arguments, known);
    // Figures that never reached their reader are not done.
    if (!std::cout.flush()) throw io::FileError("standard output cannot be written");
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    report(failure.what);
    code = failure.code;
  }
  return code;
}

}  // namespace ridgeline::engine
