#include "engine/commands/cli.hpp"
#include "engine/run/heap.hpp"

int main(int argc, char** argv) {
  ridgeline::engine::keep_freed_memory();
  return ridgeline::engine::run_command_line({argv + 1, argv + argc});
}
