// What a program does before the libraries that it is linked with set themselves up: these ask for
// memory too, and end the program where there is none.
#include "engine/run/failure.hpp"

namespace {

using Function = void (*)();

// The loader calls what is listed here first, in programs only.
[[gnu::section(".preinit_array"), gnu::used]] Function end_well =
    ridgeline::engine::end_well_without_memory;

}  // namespace
