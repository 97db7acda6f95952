// One run at a time on one study file.
//
// Rank 0 of a run holds `lock` exclusively, and every rank holds `ranks.lock` together with
// the others. The operating system lets go of both when a process dies, on whatever host: what
// the dead leave behind stops nobody, and what outlives its mpirun for a second still holds.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace ridgeline::engine {

class FileLock {
 public:
  enum class Kind { exclusive, shared };
  // Opens (and makes) the file and waits for the lock for up to `wait`; absent where another
  // process keeps it. Throws io::FileError. A file that was removed or replaced in the
  // meantime is opened again.
  static std::optional<FileLock> take(const std::filesystem::path& path, Kind kind,
                                      std::chrono::milliseconds wait);
  // What the holder wrote into the file about itself.
  static std::string holder(const std::filesystem::path& path);
  void describe_holder(const std::string& text);

  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace ridgeline::engine
