// Schedules without a mapping: which cores may run what, which layers are fused and how they are
// cut, all found by trying (docs/multicore.md, 1.6).
//
// Results depend on the request alone, not on threads or time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/run/schedule_run.hpp"

namespace ridgeline::engine {

// Cores that may run operators of a type: those whose lists name it, else those that compute and
// have no list, else all that compute.
std::vector<int> cores_for(const model::MultiCore& system, const std::string& operator_type);

// Adds an entry for every operator type that has layers and no entry; nothing is split or cut.
// Returns the types. (The entry `default` covers all.)
std::vector<std::string> complete_mapping(const model::Network& network,
                                          const model::MultiCore& system,
                                          model::CoreMapping& mapping);

struct AutomaticSchedule {
  ScheduleResult result;
  model::CoreMapping mapping;  // that it was found with
  ScheduleRequest request;     // the same, with stacks
  std::vector<std::string> notes;
};

// `given`: entries that are kept as they are; may be empty. Stacks, tilings and granularity of the
// request are kept where it has some. Layers run on one core each, or are all split over the cores
// that may run them, whichever is better; fused layers form stacks by memory, which are divided
// where they are infeasible until they are not: at the worst every layer is alone.
AutomaticSchedule run_automatic(const model::Network& network, const model::MultiCore& system,
                                const model::CoreMapping& given, const ScheduleRequest& request);

}  // namespace ridgeline::engine
