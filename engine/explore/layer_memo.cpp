#include "engine/explore/layer_memo.hpp"

namespace ridgeline::engine {

search::LayerResult LayerMemo::get(const std::string& key,
                                   const std::function<search::LayerResult()>& solve) {
  std::promise<std::shared_ptr<const search::LayerResult>> promise;
  Shared shared;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = results_.try_emplace(key);
    mine = fresh;
    if (fresh) {
      place->second = promise.get_future().share();
      order_.push_back(key);
      ++misses_;
      // Those who wait for one that leaves keep it alive.
      while (order_.size() > capacity_) {
        results_.erase(order_.front());
        order_.pop_front();
      }
    } else {
      ++hits_;
    }
    shared = place->second;
  }
  if (!mine) return *shared.get();
  try {
    auto result = std::make_shared<const search::LayerResult>(solve());
    promise.set_value(result);
    return *result;
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      results_.erase(key);
      std::erase(order_, key);
    }
    promise.set_exception(std::current_exception());
    throw;
  }
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
