// The seam under everything a study writes beside its HDF5 files, so that tests can have a
// full disk or a read-only folder whenever they like.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/document/error.hpp"

namespace ridgeline::engine {

class AppendFile {
 public:
  virtual ~AppendFile() = default;
  // All of `bytes`, or FileError. After an error the end of the file is unknown.
  virtual void write(std::string_view bytes) = 0;
  // Until the device has it.
  virtual void sync() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // A new file; one that exists is an error. All functions throw io::FileError.
  virtual std::unique_ptr<AppendFile> create(const std::filesystem::path& path) = 0;
  virtual std::string read(const std::filesystem::path& path) = 0;
  // io::write_durably.
  virtual void replace(const std::filesystem::path& path, std::string_view contents) = 0;
  virtual void make_directory(const std::filesystem::path& path) = 0;
};

FileSystem& posix_file_system();

}  // namespace ridgeline::engine
