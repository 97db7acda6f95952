// The program with figures from arithmetic: `ridgeline_synthetic explore ...`, RIDGELINE_SYNTHETIC
// giving synthetic_evaluator its options.
#include <array>
#include <cstdlib>

#include "engine/commands/cli.hpp"
#include "engine/commands/explore_command.hpp"
#include "tests/synthetic/synthetic_evaluator.hpp"

namespace {

using namespace ridgeline;

int explore(const std::vector<std::string>& arguments) {
  const char* given = std::getenv("RIDGELINE_SYNTHETIC");
  const std::string options = given == nullptr ? "" : given;
  return engine::explore_command(arguments, {"synthetic", [options](const io::Study& study) {
                                               return engine::synthetic_evaluator(study, options);
                                             }});
}

constexpr std::array kCommands{
    engine::Command{"explore", "a study with figures from arithmetic", explore}};

}  // namespace

int main(int argc, char** argv) {
  return engine::run_command_line({argv + 1, argv + argc}, kCommands);
}
