// The little of HDF5's C interface that study files need: handles that close themselves, and
// failures as exceptions. Included by .cpp files of io/ only.
#pragma once

#include <hdf5.h>
#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <string>
#include <utility>

#include "io/document/error.hpp"

namespace ridgeline::io::hdf5 {

// Innermost message of HDF5's error stack, which is emptied.
inline std::string last_error() {
  std::string message;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned, const H5E_error2_t* entry, void* result) -> herr_t {
        auto& text = *static_cast<std::string*>(result);
        if (text.empty() && entry->desc) text = entry->desc;
        return 0;
      },
      &message);
  H5Eclear2(H5E_DEFAULT);
  return message.empty() ? "unknown reason" : message;
}

// HDF5 crashes where it has no memory for the little that it keeps of each thread and file. So
// there has to be room before it is asked anything, and std::bad_alloc says where there is none.
inline void require_room() {
  constexpr std::size_t kRoom = std::size_t{24} << 20;
  void* const room =
      ::mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, kRoom);
}

// Before the first call of a thread. Failures are reported as exceptions, not printed.
inline void quiet() {
  require_room();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

inline void check(herr_t status, const std::string& file, const std::string& what) {
  if (status < 0) throw FileError(file + ": " + what + ": " + last_error());
}

class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  // Takes over `id`; a negative one is a failure to do `what`.
  Handle(hid_t id, Closer closer, const std::string& file, const std::string& what)
      : id_(id), closer_(closer) {
    if (id < 0) throw FileError(file + ": " + what + ": " + last_error());
  }
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), closer_(std::exchange(other.closer_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) closer_(id_);
  }

  operator hid_t() const { return id_; }

 private:
  hid_t id_ = -1;
  Closer closer_ = nullptr;
};

}  // namespace ridgeline::io::hdf5
