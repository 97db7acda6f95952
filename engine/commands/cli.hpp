// The command line: which commands there are, and how errors become exit codes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ridgeline::engine {

struct Command {
  std::string_view name;
  std::string_view help;  // one line
  // Gets what follows the command's name, `--help` included; returns the exit code.
  int (*run)(const std::vector<std::string>& arguments);
};

// All commands, in the order in which help names them.
std::span<const Command> commands();

std::string_view version();

// Runs `arguments` (without the program's name) and returns the exit code. Never throws:
// what a command throws is reported on stderr.
int run_command_line(const std::vector<std::string>& arguments);
// The same with other commands.
int run_command_line(const std::vector<std::string>& arguments, std::span<const Command> commands);

}  // namespace ridgeline::engine
