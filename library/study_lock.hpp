// Study files are read and written by one thread of the process at a time: the HDF5 library is
// entered by one.
#pragma once

#include <mutex>

namespace ridgeline::engine {

inline std::mutex& study_files() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace ridgeline::engine
