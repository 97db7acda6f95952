// A process of its own for what may crash, hang or swallow memory: libraries that read files which
// may be damaged, or made to do harm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace ridgeline::io {

struct BoundedAnswer {
  std::string bytes;    // what the job returned
  std::string trouble;  // how its process ended instead; empty: it did not
};

// Runs `job` in a child process, within a few seconds of processor time and a few gigabytes, more
// for a file that has more than `file_bytes` suggest. What it changes in memory is lost. Throws
// FileError with `path` where there is no process to be had.
BoundedAnswer run_bounded(const std::filesystem::path& path, std::uint64_t file_bytes,
                          const std::function<std::string()>& job);

}  // namespace ridgeline::io
