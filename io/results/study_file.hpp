// The study file: every candidate of a study, its front and the designs on it, in HDF5
// (docs/study-file.md).
//
// A file is written aside, synchronised and renamed, so one that exists under its final name
// is always complete. Not thread-safe: the HDF5 library is entered by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "io/document/error.hpp"

namespace ridgeline::io {

inline constexpr int kStudyFormatVersion = 2;

enum class CandidateStatus : std::uint8_t { ok = 0, infeasible = 1, pruned = 2, error = 3 };
std::string to_string(CandidateStatus status);

struct StudyFileParameter {
  std::string name;
  std::vector<std::string> labels;  // by value index
};

struct StudyFileObjective {
  std::string name;
  std::string unit;
  bool maximised = false;
};

// Columns of candidates, all of equal length, sorted by id.
struct CandidateColumns {
  std::vector<std::uint64_t> id;
  std::vector<CandidateStatus> status;
  std::vector<std::vector<double>> objectives;  // one column an objective; NaN unless ok
  std::vector<std::string> message;             // of infeasible or error, else empty
  // Where schedules were searched, else empty: what no schedule of the design can beat, one column
  // an objective (of those that are maximised an upper bound; NaN unless ok), and whether the
  // search ended because it found nothing more (1) or not (0).
  std::vector<std::vector<double>> lower_bounds;
  std::vector<std::uint8_t> converged;
  // Of a search over designs and schedules together, whose ids count its genomes: the design's
  // place in the grid, and the genes of its schedule. Else empty.
  std::vector<std::uint64_t> design;
  std::vector<std::string> genes;

  std::size_t size() const { return id.size(); }
};

// Column `objective` of /convergence: one entry a moment; depends on timing.
struct Convergence {
  std::vector<double> seconds;
  std::vector<std::uint64_t> evaluated;
  std::vector<double> hypervolume;
  std::vector<double> gap;  // share of the hypervolume that may be missing; NaN: not known
  std::vector<std::uint64_t> front_size;
};

struct StudyDesign {
  std::uint64_t id = 0;
  // Name ("accelerator", "mapping", "schedule", ...) -> JSON text.
  std::map<std::string, std::string> documents;
};

struct StudyFile {
  // Attributes of the root.
  std::string ridgeline_version;
  std::string study;  // the effective document, as JSON text
  std::string inputs_sha256;
  std::uint64_t seed = 0;
  std::string command;
  std::string host;
  int ranks = 1;
  int threads = 1;
  std::string started;                        // ISO 8601, UTC
  std::string finished;                       // likewise
  std::string status = "complete";            // "complete" or "stopped"
  std::vector<double> hypervolume_reference;  // one an objective; empty where none is known
  // Further attributes (text), e.g. counts of what was pruned and why.
  std::map<std::string, std::string> notes;

  std::vector<StudyFileParameter> parameters;  // first one slowest in ids
  std::vector<StudyFileObjective> objectives;
  CandidateColumns candidates;
  std::vector<std::uint64_t> front;  // rows of `candidates`: by objectives, then id
  std::vector<StudyDesign> designs;  // of the front
  Convergence convergence;
};

// Value index of each parameter of candidate `id`.
std::vector<std::uint32_t> parameter_values(const std::vector<StudyFileParameter>& parameters,
                                            std::uint64_t id);

// The same of a row of `file`.
std::vector<std::uint32_t> parameter_values(const StudyFile& file, std::uint64_t row);

// Rows of the candidates that no other strictly dominates, among those that are ok: equal
// vectors are all kept; sorted by objectives in their order (maximised ones from the largest),
// then id.
std::vector<std::uint64_t> strict_front(const CandidateColumns& candidates,
                                        const std::vector<StudyFileObjective>& objectives);

// Writes `file` under a temporary name beside `path`, synchronises it and renames it. Throws
// FileError where anything fails, and then leaves what was at `path` as it was. Throws
// std::logic_error where the columns differ in length.
void write_study_file(const std::filesystem::path& path, const StudyFile& file);

// What is wrong with one part of a file.
struct DamagedPart {
  std::string part;  // "attributes", "candidates/status", ...
  std::string why;
};

struct StudyFileReading {
  StudyFile file;  // with nothing in the parts that cannot be read
  std::vector<DamagedPart> damage;
  bool verified = false;  // it has checksums; format version 1 had none
};

// Reads a whole study file, in a process of its own: the HDF5 library crashes or hangs on some
// damaged files, whoever wrote them. Throws FileError where it cannot be opened or read, or is
// damaged; InputError where it is not a study file of a version that is known.
StudyFile read_study_file(const std::filesystem::path& path);
// The same of a damaged one, as far as it can be read.
StudyFileReading examine_study_file(const std::filesystem::path& path);

}  // namespace ridgeline::io
