#include "engine/commands/cli.hpp"
#include "engine/run/heap.hpp"
#include "engine/start/full_program.hpp"

int main(int argc, char** argv) {
  ridgeline::engine::keep_freed_memory();
  ridgeline::engine::remember_arguments(argv);
  if (ridgeline::engine::needs_full_program(argc, argv)) ridgeline::engine::become_full_program();
  return ridgeline::engine::run_command_line({argv + 1, argv + argc});
}
