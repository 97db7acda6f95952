#include "engine/run/schedule_memo.hpp"

#include <utility>

namespace ridgeline::engine {
namespace {

template <typename T>
std::size_t bytes_of(const std::vector<T>& v) {
  return v.capacity() * sizeof(T);
}

// Bytes of a column of costs, and of each of its entries with the text that tells it.
constexpr std::size_t kColumn = 64;
constexpr std::size_t kContent = 700;
// Columns that a way to cut keeps; more, and all are forgotten.
constexpr std::size_t kColumns = 2048;

}  // namespace

std::size_t bytes_of(const search::ScheduleVariant& v) {
  const model::CnGraph& g = v.graph;
  const model::ScheduleProblem& p = v.problem;
  return sizeof v + bytes_of(g.nodes) + bytes_of(g.tensors) + bytes_of(g.ranges) +
         bytes_of(g.predecessors) + bytes_of(g.successors) + bytes_of(g.predecessor_begin) +
         bytes_of(g.successor_begin) + bytes_of(g.order) + bytes_of(p.nodes) + bytes_of(p.needs) +
         bytes_of(p.tensors) + bytes_of(p.uses) +
         p.parts.size() * (sizeof(model::ScheduleProblem::Part) + 4 * sizeof(model::Range)) +
         bytes_of(p.costs.costs) + bytes_of(p.order) + bytes_of(p.successors) +
         v.mappings.size() * 4096;
}

std::shared_ptr<const search::NodeMapping> NodeCostCache::find(const std::string& content) const {
  const std::lock_guard lock(mutex_);
  const auto place = known_.find(content);
  return place == known_.end() ? nullptr : place->second;
}

void NodeCostCache::insert(const std::string& content,
                           std::shared_ptr<const search::NodeMapping> mapping) {
  const std::lock_guard lock(mutex_);
  known_.try_emplace(content, std::move(mapping));
}

std::size_t NodeCostCache::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

std::shared_ptr<LentVariant> VariantPool::take(const std::string& key) {
  std::unique_ptr<LentVariant> variant;
  {
    const std::lock_guard lock(mutex_);
    const auto place = by_key_.find(key);
    if (place == by_key_.end()) return nullptr;
    variant = std::move(place->second->variant);
    bytes_ -= place->second->bytes;
    idle_.erase(place->second);
    by_key_.erase(place);
  }
  return adopt(key, std::move(variant));
}

std::shared_ptr<LentVariant> VariantPool::adopt(const std::string& key,
                                                std::unique_ptr<LentVariant> fresh) {
  return {fresh.release(), [pool = weak_from_this(), key](LentVariant* variant) {
            std::unique_ptr<LentVariant> owned(variant);
            if (const auto alive = pool.lock()) alive->give(key, std::move(owned));
          }};
}

void VariantPool::give(const std::string& key, std::unique_ptr<LentVariant> variant) {
  if (variant->columns.size() > kColumns) variant->columns.clear();
  std::size_t bytes = bytes_of(variant->variant) + key.size();
  for (const auto& [content, column] : variant->columns)
    bytes += kColumn + column.size() * (sizeof(LentVariant::Known) + kContent);
  std::vector<std::unique_ptr<LentVariant>> gone;  // freed without the lock
  const std::lock_guard lock(mutex_);
  idle_.push_front({key, std::move(variant), bytes});
  by_key_.emplace(key, idle_.begin());
  bytes_ += bytes;
  while (bytes_ > limit_ && !idle_.empty()) {
    const auto last = std::prev(idle_.end());
    const auto range = by_key_.equal_range(last->key);
    for (auto it = range.first; it != range.second; ++it) {
      if (it->second != last) continue;
      by_key_.erase(it);
      break;
    }
    bytes_ -= last->bytes;
    gone.push_back(std::move(last->variant));
    idle_.erase(last);
  }
}

}  // namespace ridgeline::engine
