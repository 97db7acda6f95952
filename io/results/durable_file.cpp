#include "io/results/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd);
  }

 private:
  int fd_;
};

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

void write_durably(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::path part = path;
  part += ".part";
  Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(path, "cannot be created", errno);

  int error = write_all(file.get(), bytes);
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  if (file.close() != 0 && error == 0) error = errno;
  if (error != 0) {
    ::unlink(part.c_str());
    fail(path, "cannot be written", error);
  }
  if (::rename(part.c_str(), path.c_str()) != 0) {
    error = errno;
    ::unlink(part.c_str());
    fail(path, "cannot be put in place", error);
  }
  // The name is durable only once its folder is. Some file systems cannot synchronise folders,
  // and there is nothing more to do about it then.
  const std::filesystem::path parent = path.parent_path();
  Descriptor folder(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

}  // namespace ridgeline::io
