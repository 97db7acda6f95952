// What is known of one design of a study.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/explore/bytes.hpp"
#include "io/results/study_file.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

using io::CandidateStatus;
// By model::Metric, in the metric's own unit and direction.
using Metrics = std::array<double, model::kMetrics>;

// Which lower bound of a design's metrics the front dominated: each takes more work than the one
// before, and is closer.
enum class Bound : std::uint8_t {
  none = 0,
  ideal = 1,   // all units busy, each datum moved once
  tables = 2,  // of each layer on its own, before its mapping is searched
  partial = 3  // some layers solved, the others as `tables` has them
};
inline constexpr int kBounds = 4;

struct Candidate {
  std::uint64_t id = 0;
  CandidateStatus status = CandidateStatus::ok;
  // A lower bound of its metrics was dominated by the front of the blocks before its own. Such
  // a candidate is `pruned`, or evaluated nevertheless where the study does not prune.
  Bound hopeless = Bound::none;
  bool proven = false;  // an ok one: no mapping of the study's space is better
  Metrics metrics{};    // of an ok one
  // Of an ok one whose schedules were searched: what no schedule can beat, and whether the search
  // ended because it found nothing more.
  bool scheduled = false;
  bool converged = false;
  Metrics lower_bounds{};
  // Figures of further schedules of the design, which is worth several where none dominates the
  // others: candidates of their own, with the ids that follow.
  std::vector<Metrics> further;
  std::string message;  // of an infeasible or failed one

  bool operator==(const Candidate&) const = default;
};

// The candidates that a candidate's further schedules are.
std::vector<Candidate> further_of(const Candidate& candidate);

void encode(ByteWriter& out, const Candidate& candidate);
// A value out of its range makes `in` not ok.
bool decode(ByteReader& in, Candidate& candidate);

// Documents of a design on the front, as the study file keeps them.
struct DesignRecord {
  std::uint64_t id = 0;
  std::map<std::string, std::string> documents;
  bool operator==(const DesignRecord&) const = default;
};

void encode(ByteWriter& out, const DesignRecord& design);
bool decode(ByteReader& in, DesignRecord& design);

// Genes as the study file keeps them: "3,0,1025".
std::string genes_text(std::span<const int> genes);
// Of a search over designs and schedules together: puts the place in the grid and the schedule's
// genes of each id into the columns. `genome_of` gives parameter values, then genes; rows for which
// it gives nothing are left out: a search that is resumed and stopped at once does not know all of
// its genomes again, and the journals keep what they are worth.
void add_genomes(io::CandidateColumns& columns, const io::Study& study,
                 const std::function<std::vector<int>(std::uint64_t)>& genome_of);

// The vector that is compared: one number an objective, smaller is better.
std::vector<double> objective_vector(const std::vector<io::Metric>& objectives,
                                     const Metrics& metrics);

}  // namespace ridgeline::engine
