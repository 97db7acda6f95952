// Layers that were mapped already, shared by the threads of a rank.
//
// Keys name a layer, core and mapping by content, so however many designs contain a pair, it is
// solved once as long as it is remembered. What is asked for while it is being solved is waited
// for.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "search/mapping/mapper.hpp"

namespace ridgeline::engine {

class LayerMemo {
 public:
  explicit LayerMemo(std::size_t capacity) : capacity_(capacity) {}
  // What `solve` throws reaches everybody who waits, and is forgotten.
  search::LayerResult get(const std::string& key,
                          const std::function<search::LayerResult()>& solve);
  std::uint64_t hits() const;
  std::uint64_t misses() const;

 private:
  using Shared = std::shared_future<std::shared_ptr<const search::LayerResult>>;

  const std::size_t capacity_;  // results; the oldest leave
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Shared> results_;
  std::deque<std::string> order_;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace ridgeline::engine
