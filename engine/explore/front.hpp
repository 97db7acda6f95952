// The front of a study, which threads ask while the master adds to it.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include "search/designs/versioned_front.hpp"

namespace ridgeline::engine {

using search::FrontPoint;

// search::VersionedFront, safe to call from several threads.
class Front {
 public:
  void add(std::vector<FrontPoint> points) {
    const std::unique_lock lock(mutex_);
    front_.add(std::move(points));
  }
  bool dominates(std::span<const double> objectives, std::uint32_t blocks) const {
    const std::shared_lock lock(mutex_);
    return front_.dominates(objectives, blocks);
  }
  void forget(std::uint32_t blocks) {
    const std::unique_lock lock(mutex_);
    front_.forget(blocks);
  }
  std::vector<FrontPoint> members() const {
    const std::shared_lock lock(mutex_);
    return front_.members();
  }
  std::vector<std::vector<double>> vectors() const {
    const std::shared_lock lock(mutex_);
    return front_.vectors();
  }
  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return front_.size();
  }
  std::vector<FrontPoint> since(std::uint32_t blocks) const {
    const std::shared_lock lock(mutex_);
    return front_.since(blocks);
  }

 private:
  mutable std::shared_mutex mutex_;
  search::VersionedFront front_;
};

}  // namespace ridgeline::engine
