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
