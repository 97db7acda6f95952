#include "io/results/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>

namespace ridgeline::io {
namespace {

std::string remedy_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return " (free some space, or write to another disk)";
    case ENOENT:
      return " (create the folder first)";
    case EACCES:
    case EROFS:
    case EPERM:
      return " (choose a folder that you may write to)";
    default:
      return "";
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw FileError(path.string() + ": " + what + ": " + std::generic_category().message(error) +
                  remedy_for(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

constexpr const char* kPart = ".part-";

struct Part {
  std::filesystem::path path;
  int fd = -1;
};

// A new file beside `path`, under a name that nobody can foresee: in a folder that others may write
// to, one that they had put there beforehand, or a link, would be written through.
Part create_part(const std::filesystem::path& path) {
  constexpr int kTries = 100;
  std::random_device chance;
  for (int tries = 0;; ++tries) {
    char name[32];
    std::snprintf(name, sizeof(name), "%s%08x%08x", kPart, chance(), chance());
    Part part{path, -1};
    part.path += name;
    part.fd = ::open(part.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (part.fd >= 0) return part;
    if (errno != EEXIST || tries == kTries) fail(path, "cannot be created", errno);
  }
}

// 0, or the error that stopped it.
int write_all(int fd, std::span<const std::byte> bytes) {
  constexpr std::size_t kPiece = std::size_t{1} << 30;  // write() takes no more than 2 GiB
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), std::min(bytes.size(), kPiece));
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() >= 0) ::fsync(opened.get());
}

bool is_part_of(const std::string& name, const std::string& final_name) {
  return name.starts_with(final_name + kPart);
}

void write_durably(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  const Part part = create_part(path);
  int error = write_all(part.fd, bytes);
  if (error == 0 && ::fsync(part.fd) != 0) error = errno;
  if (::close(part.fd) != 0 && error == 0) error = errno;
  if (error != 0) {
    ::unlink(part.path.c_str());
    fail(path, "cannot be written", error);
  }
  if (::rename(part.path.c_str(), path.c_str()) != 0) {
    error = errno;
    ::unlink(part.path.c_str());
    fail(path, "cannot be put in place", error);
  }
  sync_folder(path.parent_path());
}

}  // namespace ridgeline::io
