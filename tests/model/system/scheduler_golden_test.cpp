// The scheduler alone, fed with the reference's graph, system and node costs: every number of
// every golden schedule to the last bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "model/system/scheduler.hpp"
#include "tests/support/golden_schedule.hpp"

namespace ridgeline::testing {
namespace {

using model::ScheduleRecord;
using model::TransferCause;

class GoldenSchedules : public ::testing::TestWithParam<std::string> {};

TransferCause cause(const std::string& letter) {
  if (letter == "S") return TransferCause::sink;
  if (letter == "E") return TransferCause::eviction;
  return letter == "O" ? TransferCause::offchip : TransferCause::core_to_core;
}

void expect_energy(const model::EnergyParts& parts, const Json& schedule) {
  const Json& c = schedule.at("energy_components");
  const auto part = [&](const char* name) { return c.at(name).get<double>(); };
  EXPECT_EQ(parts.onchip, part("total_cn_onchip_energy"));
  const std::array<const char*, 4> names{"total_cn_offchip", "total_eviction_to_offchip",
                                         "total_sink_layer_output_offchip", "total_core_to_core"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(parts.link[i], part((std::string(names[i]) + "_link_energy").c_str())) << names[i];
    EXPECT_EQ(parts.memory[i], part((std::string(names[i]) + "_memory_energy").c_str()))
        << names[i];
  }
  EXPECT_EQ(parts.total(), schedule.at("energy").get<double>());
}

void expect_transfers(const ScheduleRecord& record, const model::ScheduleProblem& problem,
                      const Json& schedule) {
  const Json& expected = schedule.at("transfers");
  ASSERT_EQ(record.transfers.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const model::ScheduledTransfer& t = record.transfers[i];
    const Json& e = expected.at(i);
    const auto bits = t.part < 0 ? problem.tensors[static_cast<std::size_t>(t.tensor)].bits
                                 : problem.parts[static_cast<std::size_t>(t.part)].bits;
    ASSERT_EQ(t.at_node, e.at(0).get<int>()) << i;
    if (t.part < 0) {
      ASSERT_EQ(t.tensor, e.at(1).get<int>()) << i;
    }
    ASSERT_EQ(t.part >= 0, e.at(1).get<int>() < 0) << i;
    ASSERT_EQ(bits, e.at(2).get<std::int64_t>()) << i;
    ASSERT_EQ(to_string(t.operand), e.at(3).get<std::string>()) << i;
    ASSERT_EQ(t.from, e.at(4).get<int>()) << i;
    ASSERT_EQ(t.to, e.at(5).get<int>()) << i;
    ASSERT_EQ(t.start, e.at(6).get<double>()) << i;
    ASSERT_EQ(t.end, e.at(7).get<double>()) << i;
    ASSERT_EQ(t.share, e.at(8).get<double>()) << i;
    ASSERT_EQ(t.cause, cause(e.at(9))) << i;
    ASSERT_EQ(t.link_energy, e.at(10).get<double>()) << i;
    ASSERT_EQ(t.memory_energy, e.at(11).get<double>()) << i;
    ASSERT_EQ(t.fresh, e.at(12).get<int>() != 0) << i;
  }
}

// Link events of streamed operands, as (node, operand, link, start, end, bandwidth).
void expect_blocks(const ScheduleRecord& record, const Json& schedule, const Json& accelerator) {
  using Event = std::tuple<int, std::string, int, double, double, double>;
  std::vector<Event> events, expected;
  for (const model::ScheduledBlock& b : record.blocks) {
    events.emplace_back(b.node, to_string(b.operand), b.link, b.start, b.end, b.bandwidth);
  }
  for (const Json& b : schedule.at("blocks")) {
    for (const Json& e : b.at(5)) {
      const std::string pair =
          std::to_string(e.at(2).get<int>()) + ">" + std::to_string(e.at(3).get<int>());
      for (const int link : accelerator.at("path_links").at(pair)) {
        expected.emplace_back(b.at(0), e.at(0), link, b.at(2),
                              b.at(2).get<double>() + b.at(3).get<double>(), e.at(1));
      }
    }
  }
  std::sort(events.begin(), events.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(events, expected);
}

void expect_removals(const ScheduleRecord& record, const Json& schedule) {
  using Removal = std::tuple<int, int, int, double>;
  std::vector<Removal> removals, expected;
  for (const model::ScheduledRemoval& r : record.removals) {
    if (r.cause == model::ScheduledRemoval::Cause::moved || r.part >= 0) continue;
    removals.emplace_back(r.at_node, r.tensor, r.core, r.time);
  }
  for (const Json& r : schedule.at("removals")) {
    if (r.at(1).get<int>() >= 0) expected.emplace_back(r.at(0), r.at(1), r.at(2), r.at(3));
  }
  std::sort(removals.begin(), removals.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(removals, expected);
}

void expect_memories(const ScheduleRecord& record, const Json& schedule) {
  const Json& peaks = schedule.at("memory_peaks");
  ASSERT_EQ(record.memories.size(), peaks.size());
  for (std::size_t m = 0; m < peaks.size(); ++m) {
    EXPECT_EQ(record.memories[m].peak, peaks.at(m).at(0).get<std::int64_t>()) << m;
    EXPECT_EQ(record.memories[m].peak_time, peaks.at(m).at(1).get<double>()) << m;
    EXPECT_EQ(record.memories[m].used.back(), peaks.at(m).at(2).get<std::int64_t>()) << m;
  }
  if (!schedule.contains("memory_usage")) return;
  for (std::size_t m = 0; m < peaks.size(); ++m) {
    std::vector<std::pair<double, std::int64_t>> steps, expected;
    for (std::size_t i = 0; i < record.memories[m].time.size(); ++i) {
      steps.emplace_back(record.memories[m].time[i], record.memories[m].used[i]);
    }
    for (const Json& s : schedule.at("memory_usage").at(m)) expected.emplace_back(s.at(0), s.at(1));
    EXPECT_EQ(steps, expected) << m;
  }
}

TEST_P(GoldenSchedules, are_reproduced_to_the_last_bit) {
  const GoldenSystem system = golden_system(GetParam());
  for (const Json& schedule : system.document.at("schedules")) {
    SCOPED_TRACE(system.configuration + " " + schedule.at("name").get<std::string>());
    model::ScheduleOptions options;
    options.prefetch =
        schedule.at("options").at("operands_to_prefetch").get<std::vector<std::string>>();
    const model::ScheduleProblem problem = system.compile(options);
    model::Scheduler scheduler(problem);
    ScheduleRecord record;
    const model::ScheduleFigures figures =
        scheduler.evaluate(system.allocation(problem, schedule), record);
    if (schedule.contains("error") && !schedule.at("error").is_null()) {
      EXPECT_FALSE(figures.feasible());
      continue;
    }
    ASSERT_TRUE(figures.feasible()) << static_cast<int>(figures.failure) << " at node "
                                    << figures.node << " tensor " << figures.tensor;
    EXPECT_EQ(figures.latency, schedule.at("latency").get<double>());
    expect_energy(figures.energy, schedule);
    EXPECT_EQ(record.core, schedule.at("cn_core").get<std::vector<int>>());
    EXPECT_EQ(record.start, schedule.at("cn_start").get<std::vector<double>>());
    EXPECT_EQ(record.end, schedule.at("cn_end").get<std::vector<double>>());
    const Json& order = schedule.at("scheduled_order");
    EXPECT_EQ(record.order, order.is_null() ? system.graph.order : order.get<std::vector<int>>());
    expect_transfers(record, problem, schedule);
    expect_blocks(record, schedule, system.document.at("accelerator"));
    expect_removals(record, schedule);
    expect_memories(record, schedule);
  }
}

INSTANTIATE_TEST_SUITE_P(Reference, GoldenSchedules, ::testing::ValuesIn(golden_configurations()),
                         [](const auto& instance) { return instance.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenSchedules);

TEST(GoldenSchedulesData, are_there) {
  EXPECT_EQ(golden_configurations().size(), golden_is_complete() ? 16u : 3u);
}

}  // namespace
}  // namespace ridgeline::testing
