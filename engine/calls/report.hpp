// What a study found, from its file: what `ridgeline report` and the library's call do.
//
// One thread at a time: the HDF5 library is entered by one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "io/results/study_report.hpp"

namespace ridgeline::engine {

struct Reported {
  io::StudyFile file;
  io::StudyReport report;

  // `top`: members of the front to show; 0: all.
  std::string json(std::uint64_t top) const { return io::report_json(file, report, top); }
  std::string text(std::uint64_t top) const { return io::report_text(file, report, top); }
  std::string csv() const { return io::candidates_csv(file); }
};

// Throws io::FileError where there is no such file, io::InputError where it is no study file.
Reported report(const std::filesystem::path& study_file);

}  // namespace ridgeline::engine
