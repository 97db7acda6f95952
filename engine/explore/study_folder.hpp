// The folder `study.h5.d` beside a study file: manifest, locks, journals and snapshots.
//
//     lock, ranks.lock         see study_lock.hpp
//     manifest.json            what is explored: digests of all inputs, options that matter
//     run-R.rank-K.journal     what rank K finished in run R
//     run-R.rank-K.snapshot.h5 its own front then: a study file of few rows
//     before.h5                the study file that is extended
//     status.json              how the run stands, see study_status.hpp
//     run-R.rank-K.crash       what it was evaluating when it crashed, if it did
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/explore/explore_options.hpp"
#include "engine/explore/file_system.hpp"
#include "engine/explore/journal.hpp"
#include "engine/explore/ledger.hpp"
#include "engine/explore/study_lock.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

struct OpenedStudy {
  bool already_complete = false;  // nothing is left to do, and nothing is locked
  std::uint32_t run = 1;
  std::string started;                 // of the first run: ISO 8601, UTC
  std::vector<ProgressRecord> before;  // of earlier runs, in order
  std::vector<std::string> warnings;
  std::optional<FileLock> master;
  std::optional<FileLock> ranks;
};

class StudyFolder {
 public:
  StudyFolder(FileSystem& files, std::filesystem::path output);

  const std::filesystem::path& output() const { return output_; }
  std::filesystem::path journal(std::uint32_t run, int rank) const;
  std::filesystem::path snapshot(std::uint32_t run, int rank) const;
  std::filesystem::path crash_note(std::uint32_t run, int rank) const;
  // The study file before it was extended.
  std::filesystem::path before() const;

  // Rank 0, before anything else: locks, checks that what is there may be continued or
  // replaced, and puts what earlier runs found into `ledger`. Throws InputError where it
  // belongs to another study or is in the way, FileError where it is locked or not writable.
  OpenedStudy open(const io::Study& study, const ExploreOptions& options, Ledger& ledger);
  // The other ranks: hold the study as long as this process lives. Throws FileError.
  FileLock join();
  // Removes the folder of a complete study.
  void remove();

 private:
  void check_manifest(const io::Study& study, const ExploreOptions& options, OpenedStudy& opened);
  bool restore(const io::Study& study, Ledger& ledger, OpenedStudy& opened);

  FileSystem& files_;
  std::filesystem::path output_;
  std::filesystem::path folder_;
};

// Now, as ISO 8601 in UTC.
std::string utc_now();

}  // namespace ridgeline::engine
