#include <string_view>

#include "engine/commands/cli.hpp"
#include "engine/run/heap.hpp"
#include "engine/start/other_program.hpp"

int main(int argc, char** argv) {
  using namespace ridgeline::engine;
  keep_freed_memory();
  remember_arguments(argv);
  const char* program = program_for(argc, argv);
  if (program != nullptr && std::string_view(program) != RIDGELINE_PROGRAM) become(program);
  return run_command_line({argv + 1, argv + argc});
}
