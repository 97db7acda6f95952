// The program that is started first has everything but what reads ONNX models and studies: MPI,
// HDF5, protobuf and TBB take several times longer to load than most layers take to map. Where one
// of them is needed, the full program takes this one's place, with the same arguments.
#pragma once

namespace ridgeline::engine {

// Whether these arguments ask for what only the full program has.
bool needs_full_program(int count, char* const* arguments);

// The arguments of this process, for `become_full_program`.
void remember_arguments(char** arguments);

// Replaces this process by the full program; before anything was written. Ends with exit code 74
// and a message where it cannot be started.
[[noreturn]] void become_full_program();

}  // namespace ridgeline::engine
