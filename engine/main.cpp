#include "engine/commands/cli.hpp"
#include "engine/run/failure.hpp"
#include "engine/run/heap.hpp"

int main(int argc, char** argv) {
  ridgeline::engine::end_well_without_memory();
  ridgeline::engine::keep_freed_memory();
  return ridgeline::engine::run_command_line({argv + 1, argv + argc});
}
