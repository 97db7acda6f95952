// The C interface's handle on one network, system and tiling.
#include <algorithm>
#include <atomic>
#include <limits>
#include <nlohmann/json.hpp>

#include "engine/calls/schedule.hpp"
#include "engine/commands/exit_code.hpp"
#include "engine/commands/schedule_command.hpp"
#include "library/in_blocks.hpp"
#include "library/request.hpp"
#include "library/result.hpp"

using namespace ridgeline;
using namespace ridgeline::engine;
using Json = nlohmann::ordered_json;

struct ridgeline_allocations {
  std::unique_ptr<const Prepared> prepared;
  std::string text;
};

extern "C" {

ridgeline_allocations* ridgeline_allocations_open(const char* request, const ridgeline_hooks* hooks,
                                                  ridgeline_result** failure) {
  return guarded_open(failure, [&] {
    const auto values = option_values(
        parse_request(request, "allocations"), "allocations", options_of_schedule(),
        {"output", "format", "quiet", "export-mapping", "trace", "granularity", "detail"});
    auto allocations = std::make_unique<ridgeline_allocations>();
    allocations->prepared = prepare(schedule_options(values), hooks_of_caller(hooks));
    Json slots = Json::array();
    for (const PreparedSlot& slot : allocations->prepared->schedule.slots) {
      const model::CnLayer& layer = allocations->prepared->schedule.variant->graph
                                        .layers[static_cast<std::size_t>(slot.layer)];
      slots.push_back(
          {{"layer", layer.name}, {"id", layer.id}, {"group", slot.group}, {"cores", slot.cores}});
    }
    allocations->text = Json{{"slots", slots}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    return allocations;
  });
}

const char* ridgeline_allocations_text(const ridgeline_allocations* allocations) {
  return allocations == nullptr ? nullptr : allocations->text.c_str();
}

int ridgeline_allocations_schedule(const ridgeline_allocations* allocations, int64_t count,
                                   const int32_t* cores, double* latency, double* energy,
                                   int64_t* peak_bits, int32_t threads) {
  if (allocations == nullptr || count < 0) return RIDGELINE_USAGE;
  if (count > 0 &&
      (cores == nullptr || latency == nullptr || energy == nullptr || peak_bits == nullptr)) {
    return RIDGELINE_USAGE;
  }
  const PreparedSchedule& prepared = allocations->prepared->schedule;
  const auto slots = static_cast<std::int64_t>(prepared.slots.size());
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t s = 0; s < slots; ++s) {
      const std::vector<int>& able = prepared.slots[static_cast<std::size_t>(s)].cores;
      if (std::find(able.begin(), able.end(), cores[i * slots + s]) == able.end()) {
        return RIDGELINE_USAGE;
      }
    }
  }
  constexpr std::int64_t kBlock = 64;  // allocations that one scheduler evaluates
  return in_blocks(count, kBlock, threads, [&](std::int64_t begin, std::int64_t end) {
    model::Scheduler scheduler(prepared.variant->problem);
    model::Allocation allocation = prepared.base;
    for (std::int64_t i = begin; i < end; ++i) {
      std::copy_n(cores + i * slots, slots, allocation.core.begin());
      const model::ScheduleFigures figures = scheduler.evaluate(allocation);
      const bool feasible = figures.feasible();
      constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
      latency[i] = feasible ? figures.latency : kNone;
      energy[i] = feasible ? figures.energy.total() : kNone;
      peak_bits[i] = feasible ? static_cast<std::int64_t>(figures.peak_bits) : -1;
    }
  });
}

void ridgeline_allocations_close(ridgeline_allocations* allocations) {
  delete allocations;
}

}  // extern "C"
