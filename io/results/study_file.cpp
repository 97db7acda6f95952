#include "io/results/study_file.hpp"

#include <algorithm>
#include <numeric>

namespace ridgeline::io {

std::string to_string(CandidateStatus status) {
  switch (status) {
    case CandidateStatus::ok:
      return "ok";
    case CandidateStatus::infeasible:
      return "infeasible";
    case CandidateStatus::pruned:
      return "pruned";
    case CandidateStatus::error:
      break;
  }
  return "error";
}

std::vector<std::uint32_t> parameter_values(const std::vector<StudyFileParameter>& parameters,
                                            std::uint64_t id) {
  std::vector<std::uint32_t> values(parameters.size());
  for (std::size_t p = parameters.size(); p-- > 0;) {
    const std::uint64_t count = parameters[p].labels.size();
    if (count == 0) continue;
    values[p] = static_cast<std::uint32_t>(id % count);
    id /= count;
  }
  return values;
}

namespace {

// The front of rows sorted so that a row can only be dominated by an earlier one. Each row is
// compared with the distinct rows of the front so far.
class FrontBuilder {
 public:
  FrontBuilder(const CandidateColumns& candidates,
               const std::vector<StudyFileObjective>& objectives)
      : candidates_(candidates), objectives_(objectives) {}

  // Smaller is better.
  double value(std::uint64_t row, std::size_t objective) const {
    const double raw = candidates_.objectives[objective][row];
    return objectives_[objective].maximised ? -raw : raw;
  }

  bool before(std::uint64_t a, std::uint64_t b) const {
    for (std::size_t o = 0; o < objectives_.size(); ++o) {
      const double x = value(a, o);
      const double y = value(b, o);
      if (x != y) return x < y;
    }
    return candidates_.id[a] < candidates_.id[b];
  }

  bool equal(std::uint64_t a, std::uint64_t b) const {
    for (std::size_t o = 0; o < objectives_.size(); ++o)
      if (value(a, o) != value(b, o)) return false;
    return true;
  }

  bool dominates(std::uint64_t a, std::uint64_t b) const {
    bool better = false;
    for (std::size_t o = 0; o < objectives_.size(); ++o) {
      const double x = value(a, o);
      const double y = value(b, o);
      if (x > y) return false;
      better = better || x < y;
    }
    return better;
  }

 private:
  const CandidateColumns& candidates_;
  const std::vector<StudyFileObjective>& objectives_;
};

}  // namespace

std::vector<std::uint64_t> strict_front(const CandidateColumns& candidates,
                                        const std::vector<StudyFileObjective>& objectives) {
  std::vector<std::uint64_t> rows;
  for (std::uint64_t row = 0; row < candidates.size(); ++row) {
    if (candidates.status[row] == CandidateStatus::ok) rows.push_back(row);
  }
  const FrontBuilder builder(candidates, objectives);
  std::sort(rows.begin(), rows.end(),
            [&](std::uint64_t a, std::uint64_t b) { return builder.before(a, b); });
  std::vector<std::uint64_t> front;
  std::vector<std::uint64_t> distinct;  // the first of equals, which follow each other
  bool dominated = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::uint64_t row = rows[i];
    if (i == 0 || !builder.equal(rows[i - 1], row)) {
      dominated = std::any_of(distinct.begin(), distinct.end(),
                              [&](std::uint64_t member) { return builder.dominates(member, row); });
      if (!dominated) distinct.push_back(row);
    }
    if (!dominated) front.push_back(row);
  }
  return front;
}

}  // namespace ridgeline::io
