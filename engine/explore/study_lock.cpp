#include "engine/explore/study_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "io/document/error.hpp"

namespace ridgeline::engine {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
  throw io::FileError(path.string() + ": " + what + ": " + std::strerror(errno));
}

// Whether `path` still names the file that `fd` has open.
bool still_there(const std::filesystem::path& path, int fd) {
  struct stat mine {};
  struct stat named {};
  return ::fstat(fd, &mine) == 0 && ::stat(path.c_str(), &named) == 0 &&
         mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

}  // namespace

std::optional<FileLock> FileLock::take(const std::filesystem::path& path, Kind kind,
                                       std::chrono::milliseconds wait) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + wait;
  for (;;) {
    int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 && errno == ENOENT) {  // removed with its folder while this one waited
      ::mkdir(path.parent_path().c_str(), 0777);
      fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    }
    if (fd < 0) fail("cannot open the lock", path);
    FileLock lock(fd);
    for (;;) {
      if (::flock(fd, (kind == Kind::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
        if (still_there(path, fd)) return lock;
        break;  // its holder removed it when the study was complete
      }
      if (errno != EWOULDBLOCK && errno != EINTR) fail("this file system cannot lock", path);
      if (Clock::now() >= until) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

std::string FileLock::holder(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

void FileLock::describe_holder(const std::string& text) {
  const std::string line = text + "\n";
  if (::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, line.data(), line.size(), 0) < 0) {
    // Only a courtesy to whoever is kept waiting.
  }
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace ridgeline::engine
