// Three programs. The one that is started first has everything but what reads ONNX models and
// studies; another has ONNX as well, and the full one MPI and HDF5, which take several times longer
// to load than most layers take to map. Where one has to have what it lacks, another takes
// its place, with the same arguments.
#pragma once

namespace ridgeline::engine {

inline constexpr const char* kWithModels = "ridgeline-onnx";
inline constexpr const char* kFullProgram = "ridgeline-full";

// The program that has what these arguments ask for; null: any has.
const char* program_for(int count, char* const* arguments);

// The arguments of this process, for `become`.
void remember_arguments(char** arguments);

// Replaces this process by another program; before anything was written. Ends with exit code 74
// and a message where it cannot be started.
[[noreturn]] void become(const char* program);

}  // namespace ridgeline::engine
