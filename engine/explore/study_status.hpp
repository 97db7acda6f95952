// How a running study stands, for those who look at it from outside: `status.json` in the study's
// folder, written by rank 0 every second, and what `ridgeline report --follow` makes of it.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

#include "engine/explore/ledger.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

// The study's folder beside `output`.
std::filesystem::path status_file(const std::filesystem::path& output);

class StatusWriter {
 public:
  StatusWriter(std::filesystem::path output, const io::StudySpec& study, int threads);
  // Writes at most once a second. `seconds` of work on this study, earlier runs included. A file
  // that cannot be written is left out: nothing depends on it.
  void show(const Ledger& ledger, int ranks, double seconds);

 private:
  std::filesystem::path path_;
  const io::StudySpec& study_;
  int threads_;
  double next_ = 0;
  double before_ = 0;  // when it was last written, and what was known then
  std::uint64_t known_before_ = 0;
};

// Shows the status of the study at `output` on `out` until it ends: a line whenever it has changed.
// Returns at once where no run is at work. Throws io::InputError where there is no such study.
void follow_study(const std::filesystem::path& output, std::ostream& out);

}  // namespace ridgeline::engine
