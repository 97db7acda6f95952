// What schedules of one network on one kind of system have in common, kept from one to the next:
// graphs of computation nodes with the arrays that a scheduler reads, and what nodes cost on cores.
// For studies, whose designs mostly differ in their cores alone.
//
// Used from several threads at once; what is lent belongs to one run.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/system/multicore.hpp"
#include "search/allocation/node_cost.hpp"
#include "search/allocation/schedule_result.hpp"

namespace ridgeline::engine {

// Mapping searches done so far, by content; may be shared between runs with the same options.
class NodeCostCache {
 public:
  std::shared_ptr<const search::NodeMapping> find(const std::string& content) const;
  void insert(const std::string& content, std::shared_ptr<const search::NodeMapping> mapping);
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const search::NodeMapping>> known_;
};

// A way to cut a network whose structure is known: costs and memories are to be put in.
struct LentVariant {
  search::ScheduleVariant variant;
  std::vector<std::vector<int>> cores;  // of each layer, as the mapping lists them
  // What the unique nodes cost on a core, by the core's content.
  struct Known {
    std::shared_ptr<const search::NodeMapping> mapping;  // null: not looked at yet
    std::string content;                                 // of its task
    std::size_t hash = 0;                                // of the content
  };
  using Column = std::vector<Known>;
  std::unordered_map<std::uint64_t, Column> columns;
};

// Ways to cut that nobody uses at the moment, up to a number of bytes; those lent longest ago go
// first.
class VariantPool : public std::enable_shared_from_this<VariantPool> {
 public:
  explicit VariantPool(std::size_t bytes) : limit_(bytes) {}

  // One of this key, or nothing. What is lent (and what `adopt` returns) comes back where the last
  // holder lets go of it.
  std::shared_ptr<LentVariant> take(const std::string& key);
  std::shared_ptr<LentVariant> adopt(const std::string& key, std::unique_ptr<LentVariant> fresh);

 private:
  struct Idle {
    std::string key;
    std::unique_ptr<LentVariant> variant;
    std::size_t bytes = 0;
  };
  void give(const std::string& key, std::unique_ptr<LentVariant> variant);

  const std::size_t limit_;
  std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::list<Idle> idle_;  // given last first
  std::unordered_multimap<std::string, std::list<Idle>::iterator> by_key_;
};

// About the bytes that a way to cut takes.
std::size_t bytes_of(const search::ScheduleVariant& variant);

// What a run may use of earlier ones. Precondition: runs of one `key` have the same network,
// mapping, connections and options, but for the cut, the priority and what follows from the cores.
struct ScheduleMemory {
  VariantPool* pool = nullptr;
  std::string key;
  const model::Interconnect* interconnect = nullptr;
  const std::vector<int>* contents = nullptr;  // of each core: equal for cores of equal content
};

}  // namespace ridgeline::engine
