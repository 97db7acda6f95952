// The reference's golden multi-core records (schema of golden/stream) as the model's types:
// graph, system and node costs, without the project's readers, tiling and cost model, so that
// a fault in those does not hide here.
#pragma once

#include <string>
#include <vector>

#include "model/system/schedule_problem.hpp"
#include "model/system/scheduler.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::testing {

struct GoldenSystem {
  std::string configuration;
  Json document;
  model::CnGraph graph;
  model::Interconnect interconnect;
  model::TopMemories memories;
  int offchip_core = 0;
  model::NodeCostTable costs;

  model::ScheduleProblem compile(const model::ScheduleOptions& options) const;
  // `schedule` is an element of the document's "schedules".
  model::Allocation allocation(const model::ScheduleProblem& problem, const Json& schedule) const;
};

// Names of the configurations there are: all of the reference data, or the few in this repository.
std::vector<std::string> golden_configurations();
bool golden_is_complete();
GoldenSystem golden_system(const std::string& configuration);

}  // namespace ridgeline::testing
