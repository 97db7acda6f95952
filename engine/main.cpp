#include "engine/commands/cli.hpp"

int main(int argc, char** argv) {
  return ridgeline::engine::run_command_line({argv + 1, argv + argc});
}
