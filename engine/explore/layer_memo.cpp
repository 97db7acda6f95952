#include "engine/explore/layer_memo.hpp"

namespace ridgeline::engine {

search::LayerResult LayerMemo::get(const std::string& key,
                                   const std::function<search::LayerResult()>& solve) {
  std::promise<std::shared_ptr<const search::LayerResult>> promise;
  Shared shared;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    auto place = results_.find(key);
    if (place == results_.end()) {
      mine = true;
      order_.push_back(key);
      try {
        place = results_.emplace(key, promise.get_future().share()).first;
      } catch (...) {
        order_.pop_back();
        throw;
      }
      ++misses_;
    } else {
      ++hits_;
    }
    shared = place->second;
    // Those who wait for one that leaves keep it alive.
    while (order_.size() > capacity_) {
      results_.erase(order_.front());
      order_.pop_front();
    }
  }
  if (!mine) return *shared.get();
  std::shared_ptr<const search::LayerResult> result;
  try {
    result = std::make_shared<const search::LayerResult>(solve());
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      results_.erase(key);
      std::erase(order_, key);
    }
    promise.set_exception(std::current_exception());
    throw;
  }
  promise.set_value(result);
  return *result;
}

std::uint64_t LayerMemo::hits() const {
  const std::lock_guard lock(mutex_);
  return hits_;
}

std::uint64_t LayerMemo::misses() const {
  const std::lock_guard lock(mutex_);
  return misses_;
}

}  // namespace ridgeline::engine
