#include "engine/start/full_program.hpp"

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

constexpr const char* kName = "ridgeline-full";
char** arguments_of_process = nullptr;

}  // namespace

bool needs_full_program(int count, char* const* arguments) {
  if (count < 2) return false;
  const std::string_view command = arguments[1];
  if (command.substr(0, 1) == "-") return false;
  if (command != "evaluate" && command != "schedule") return true;
  for (int i = 2; i < count; ++i) {
    if (std::string_view(arguments[i]).find(".onnx") != std::string_view::npos) return true;
  }
  return false;
}

void remember_arguments(char** arguments) {
  arguments_of_process = arguments;
}

void become_full_program() {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const fs::path here = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  // Beside this one where they were built, else where it is installed; of a copy of this program
  // alone, where it was built.
  std::string why = "it is neither there nor beside this program";
  for (const fs::path& path :
       {here / kName, (here / RIDGELINE_LIBEXEC_FROM_BIN / kName).lexically_normal(),
        fs::path(RIDGELINE_FULL_BUILT)}) {
    ::execv(path.c_str(), arguments_of_process);
    if (errno != ENOENT) why = path.string() + ": " + std::strerror(errno);
  }
  const fs::path installed = (here / RIDGELINE_LIBEXEC_FROM_BIN / kName).lexically_normal();
  std::fprintf(stderr, "ridgeline: cannot start %s, which reads ONNX models and runs studies: %s\n",
               installed.c_str(), why.c_str());
  std::_Exit(kIoFailed);
}

}  // namespace ridgeline::engine
