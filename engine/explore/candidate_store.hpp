// All candidates that are known, in columns: a million of them take about 100 MB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/explore/candidate.hpp"

namespace ridgeline::engine {

class CandidateStore {
 public:
  // False, and nothing changes, where the id is known.
  bool insert(const Candidate& candidate);
  bool contains(std::uint64_t id) const { return row_of_.contains(id); }
  std::optional<Candidate> find(std::uint64_t id) const;
  // Metrics of one that is ok, else null; valid until the next is inserted.
  const Metrics* figures(std::uint64_t id) const;
  std::size_t size() const { return ids_.size(); }
  std::size_t count(CandidateStatus status) const {
    return counts_[static_cast<std::size_t>(status)];
  }
  // Pruned ones, by the bound that the front dominated.
  std::size_t pruned_by(Bound bound) const { return pruned_by_[static_cast<std::size_t>(bound)]; }
  // Evaluated ones without a proof that no mapping is better.
  std::size_t unproven() const { return unproven_; }
  // The one with the smallest id of those that failed.
  std::optional<Candidate> first_error() const;
  // Columns sorted by id, of the objectives alone.
  io::CandidateColumns columns(const std::vector<io::Metric>& objectives) const;

 private:
  Candidate at(std::uint32_t row) const;

  std::unordered_map<std::uint64_t, std::uint32_t> row_of_;
  std::vector<std::uint64_t> ids_;
  std::vector<CandidateStatus> status_;
  std::vector<Bound> hopeless_;
  std::vector<bool> proven_;
  std::vector<std::uint32_t> metrics_row_;  // of an ok one
  std::vector<Metrics> metrics_;
  struct Scheduled {
    bool converged = false;
    Metrics lower_bounds{};
  };
  std::unordered_map<std::uint32_t, Scheduled> scheduled_;  // by row
  std::unordered_map<std::uint32_t, std::string> messages_;
  std::size_t counts_[4] = {};
  std::size_t pruned_by_[kBounds] = {};
  std::size_t unproven_ = 0;
};

}  // namespace ridgeline::engine
