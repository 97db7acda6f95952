#include "engine/explore/candidate_store.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace ridgeline::engine {

bool CandidateStore::insert(const Candidate& candidate) {
  const auto row = static_cast<std::uint32_t>(ids_.size());
  if (!row_of_.try_emplace(candidate.id, row).second) return false;
  ids_.push_back(candidate.id);
  status_.push_back(candidate.status);
  hopeless_.push_back(candidate.hopeless);
  proven_.push_back(candidate.proven);
  metrics_row_.push_back(static_cast<std::uint32_t>(metrics_.size()));
  if (candidate.status == CandidateStatus::ok) metrics_.push_back(candidate.metrics);
  if (candidate.scheduled) scheduled_[row] = {candidate.converged, candidate.lower_bounds};
  if (!candidate.message.empty()) messages_[row] = candidate.message;
  ++counts_[static_cast<std::size_t>(candidate.status)];
  if (candidate.status == CandidateStatus::pruned)
    ++pruned_by_[static_cast<std::size_t>(candidate.hopeless)];
  if (candidate.status == CandidateStatus::ok && !candidate.proven) ++unproven_;
  return true;
}

Candidate CandidateStore::at(std::uint32_t row) const {
  Candidate candidate;
  candidate.id = ids_[row];
  candidate.status = status_[row];
  candidate.hopeless = hopeless_[row];
  candidate.proven = proven_[row];
  if (candidate.status == CandidateStatus::ok) candidate.metrics = metrics_[metrics_row_[row]];
  if (const auto found = scheduled_.find(row); found != scheduled_.end()) {
    candidate.scheduled = true;
    candidate.converged = found->second.converged;
    candidate.lower_bounds = found->second.lower_bounds;
  }
  if (const auto message = messages_.find(row); message != messages_.end())
    candidate.message = message->second;
  return candidate;
}

std::optional<Candidate> CandidateStore::find(std::uint64_t id) const {
  const auto row = row_of_.find(id);
  if (row == row_of_.end()) return std::nullopt;
  return at(row->second);
}

const Metrics* CandidateStore::figures(std::uint64_t id) const {
  const auto row = row_of_.find(id);
  if (row == row_of_.end() || status_[row->second] != CandidateStatus::ok) return nullptr;
  return &metrics_[metrics_row_[row->second]];
}

std::optional<Candidate> CandidateStore::first_error() const {
  std::optional<std::uint32_t> first;
  for (std::uint32_t row = 0; row < ids_.size(); ++row)
    if (status_[row] == CandidateStatus::error && (!first || ids_[row] < ids_[*first])) first = row;
  if (!first) return std::nullopt;
  return at(*first);
}

io::CandidateColumns CandidateStore::columns(const std::vector<io::Metric>& objectives) const {
  std::vector<std::uint32_t> rows(ids_.size());
  std::iota(rows.begin(), rows.end(), 0u);
  std::sort(rows.begin(), rows.end(),
            [&](std::uint32_t x, std::uint32_t y) { return ids_[x] < ids_[y]; });
  io::CandidateColumns columns;
  columns.id.reserve(rows.size());
  columns.status.reserve(rows.size());
  columns.objectives.resize(objectives.size());
  for (auto& column : columns.objectives) column.reserve(rows.size());
  columns.message.resize(rows.size());
  if (!scheduled_.empty()) columns.lower_bounds.resize(objectives.size());
  for (const std::uint32_t row : rows) {
    columns.id.push_back(ids_[row]);
    columns.status.push_back(status_[row]);
    for (std::size_t o = 0; o < objectives.size(); ++o)
      columns.objectives[o].push_back(
          status_[row] == CandidateStatus::ok
              ? metrics_[metrics_row_[row]][static_cast<std::size_t>(objectives[o])]
              : std::numeric_limits<double>::quiet_NaN());
    if (!scheduled_.empty()) {
      const auto found = scheduled_.find(row);
      const bool there = found != scheduled_.end();
      for (std::size_t o = 0; o < objectives.size(); ++o)
        columns.lower_bounds[o].push_back(
            there ? found->second.lower_bounds[static_cast<std::size_t>(objectives[o])]
                  : std::numeric_limits<double>::quiet_NaN());
      columns.converged.push_back(
          static_cast<std::uint8_t>(there && found->second.converged ? 1 : 0));
    }
    if (const auto message = messages_.find(row); message != messages_.end())
      columns.message[columns.id.size() - 1] = message->second;
  }
  return columns;
}

}  // namespace ridgeline::engine
