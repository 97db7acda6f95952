// The ways to cut a network of one schedule run: graphs of computation nodes with what these cost,
// built when they are first asked for and kept while there is memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/run/schedule_run.hpp"
#include "engine/run/team.hpp"

namespace ridgeline::engine {

// By how much each stack is cut that has something to choose; empty where none has.
using CutFactors = std::vector<std::int64_t>;

// The cores that the request gives a layer; null: none.
const LayerAllocation* cores_of(const ScheduleRequest& request, int layer_id);

// What it is given must outlive it.
class ScheduleVariants {
 public:
  // Throws ForeignGranularity where the request has factors for other stacks.
  ScheduleVariants(const model::Network& network, const model::MultiCore& system,
                   const model::CoreMapping& mapping, const ScheduleRequest& request,
                   NodeCostCache& cache, Team& team);

  // Stacks that have something to choose: fused ones, where several factors are given.
  std::size_t stacks() const { return cut_stacks_.size(); }

  // Precondition: a factor for each of these stacks. What cannot be cut so has a tiling problem.
  std::shared_ptr<const ScheduleVariant> find(const CutFactors& factors);

  // Mappings that were evaluated for each way met so far, here or in other processes.
  std::map<CutFactors, std::uint64_t>& mappings() { return evaluated_; }

 private:
  void choose_stacks();
  std::shared_ptr<const ScheduleVariant> build(const CutFactors& factors);
  model::TilingOptions tiling_of(const CutFactors& factors) const;
  std::string key_of(const model::TilingOptions& tiling) const;
  void find_costs(ScheduleVariant& v);
  std::shared_ptr<const search::NodeMapping> mapping_of(
      const search::NodeTask& task, const model::CnGraph& graph,
      SearchTime::Point end = SearchTime::Point::max());
  void recall_costs(LentVariant& lent);

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& mapping_;
  const ScheduleRequest& request_;
  NodeCostCache& cache_;
  Team& team_;
  model::TilingOptions tiling_;
  std::optional<model::Interconnect> own_interconnect_;
  const model::Interconnect& interconnect_;
  model::TopMemories memories_;
  std::vector<std::vector<int>> cut_stacks_;
  // The one used last at the end; those used longest ago are built again if need be.
  std::vector<std::pair<CutFactors, std::shared_ptr<const ScheduleVariant>>> variants_;
  std::uint64_t built_ = 0;
  std::map<CutFactors, std::uint64_t> evaluated_;
};

}  // namespace ridgeline::engine
