#include "engine/start/other_program.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/commands/exit_code.hpp"

namespace ridgeline::engine {

namespace {

char** arguments_of_process = nullptr;

}  // namespace

const char* program_for(int count, char* const* arguments) {
  if (count < 2) return nullptr;
  const std::string_view command = arguments[1];
  if (command.substr(0, 1) == "-") return nullptr;
  if (command != "evaluate" && command != "schedule") return kFullProgram;
  for (int i = 2; i < count; ++i) {
    if (std::string_view(arguments[i]).find(".onnx") != std::string_view::npos) return kWithModels;
  }
  return nullptr;
}

void remember_arguments(char** arguments) {
  arguments_of_process = arguments;
}

void become(const char* program) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const fs::path here = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  const fs::path installed = (here / RIDGELINE_LIBEXEC_FROM_BIN / program).lexically_normal();
  // Beside this one where they were built, else where it is installed; of a copy of this program
  // alone, where it was built.
  std::string why = "it is neither there nor beside this program";
  for (const fs::path& path : {here / program, installed, fs::path(RIDGELINE_BUILT_IN) / program}) {
    ::execv(path.c_str(), arguments_of_process);
    if (errno != ENOENT) why = path.string() + ": " + std::strerror(errno);
  }
  std::fprintf(stderr, "ridgeline: cannot start %s, which reads ONNX models%s: %s\n",
               installed.c_str(), program == kFullProgram ? " and runs studies" : "", why.c_str());
  std::_Exit(kIoFailed);
}

}  // namespace ridgeline::engine
