// Small random networks on small random multi-core systems, with random costs of nodes: everything
// that schedules depend on, without a search for mappings.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/schedule_problem.hpp"

namespace ridgeline::testing {

struct RandomSystem {
  std::unique_ptr<model::CnGraph> graph;  // that the problem refers to
  model::ScheduleProblem problem;
  std::vector<std::vector<int>> choices;  // cores of each slot
  std::vector<bool> whole_cycles;         // of each slot
};

struct RandomSystemOptions {
  bool strict = false;     // without the scheduler's liberties
  bool identical = false;  // all cores alike, on one bus
};

// The same for the same number.
RandomSystem random_system(std::uint64_t number, const RandomSystemOptions& options = {});

}  // namespace ridgeline::testing
