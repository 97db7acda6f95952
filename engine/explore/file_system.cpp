#include "engine/explore/file_system.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "io/results/durable_file.hpp"

namespace ridgeline::engine {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path, int error) {
  throw io::FileError(path.string() + ": " + what + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class PosixAppendFile final : public AppendFile {
 public:
  PosixAppendFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        fail("cannot write", path_, errno);
      }
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void sync() override {
    if (::fdatasync(fd_.get()) != 0) fail("cannot synchronise", path_, errno);
    // A file whose name is lost is lost.
    if (!named_) io::sync_folder(path_.parent_path());
    named_ = true;
  }

 private:
  bool named_ = false;
  std::filesystem::path path_;
  Descriptor fd_;
};

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<AppendFile> create(const std::filesystem::path& path) override {
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) fail("cannot create", path, errno);
    return std::make_unique<PosixAppendFile>(path, fd);
  }

  std::string read(const std::filesystem::path& path) override {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) fail("cannot open", path, errno);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) fail("cannot read", path, errno);
    std::string contents(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < contents.size()) {
      const ssize_t got = ::read(fd.get(), contents.data() + at, contents.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("cannot read", path, errno);
      if (got == 0) break;
      at += static_cast<std::size_t>(got);
    }
    contents.resize(at);
    return contents;
  }

  void replace(const std::filesystem::path& path, std::string_view contents) override {
    io::write_durably(path, std::as_bytes(std::span(contents)));
  }

  void make_directory(const std::filesystem::path& path) override {
    if (::mkdir(path.c_str(), 0777) == 0) {
      io::sync_folder(path.parent_path());
    } else if (errno != EEXIST) {
      fail("cannot create the folder", path, errno);
    }
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem instance;
  return instance;
}

}  // namespace ridgeline::engine
