#include "io/results/study_file.hpp"

#include <cstddef>

#include "search/fronts/pareto.hpp"

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

std::vector<std::uint32_t> parameter_values(const StudyFile& file, std::uint64_t row) {
  const auto& places = file.candidates.design.empty() ? file.candidates.id : file.candidates.design;
  return parameter_values(file.parameters, places[row]);
}

std::vector<std::uint64_t> strict_front(const CandidateColumns& candidates,
                                        const std::vector<StudyFileObjective>& objectives) {
  // Rows are sorted by id already, so that equal ones come out in the order of their ids.
  std::vector<std::uint64_t> rows;
  std::vector<double> matrix;
  for (std::uint64_t row = 0; row < candidates.size(); ++row) {
    if (candidates.status[row] != CandidateStatus::ok) continue;
    rows.push_back(row);
    for (std::size_t o = 0; o < objectives.size(); ++o) {
      const double value = candidates.objectives[o][row];
      matrix.push_back(objectives[o].maximised ? -value : value);
    }
  }
  std::vector<std::uint64_t> front;
  for (const std::size_t i : search::non_dominated_rows(matrix, objectives.size()))
    front.push_back(rows[i]);
  return front;
}

}  // namespace ridgeline::io
