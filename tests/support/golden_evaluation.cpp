#include "tests/support/golden_evaluation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "model/core/compute_array.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapping_details.hpp"

namespace ridgeline::testing {

using namespace model;

namespace {

void expect_close(double ours, const Json& theirs, const std::string& what) {
  if (theirs.is_boolean()) {
    EXPECT_EQ(ours != 0, theirs.get<bool>()) << what;
    return;
  }
  const double expected = theirs.is_null() ? 0.0 : theirs.get<double>();
  if (expected == std::floor(expected) && std::abs(expected) < 1e15 && theirs.is_number_integer()) {
    EXPECT_EQ(ours, expected) << what;
  } else {
    EXPECT_NEAR(ours, expected, 1e-9 * std::abs(expected)) << what;
  }
}

const std::string& operand_name(const Layer& layer, int o) {
  return layer.operands[z(o)].name;
}

void compare_levels(const Layer& layer, const Json& theirs, int levels_extra,
                    const Problem& problem, const std::string& what,
                    const std::function<double(int, int)>& ours) {
  for (int o = 0; o < problem.operands; ++o) {
    const Json& list = theirs.at(operand_name(layer, o));
    ASSERT_EQ(list.size(), z(problem.operand[z(o)].levels + levels_extra)) << what;
    for (std::size_t i = 0; i < list.size(); ++i) {
      expect_close(ours(o, static_cast<int>(i)), list[i],
                   what + " " + operand_name(layer, o) + std::to_string(i));
    }
  }
}

void compare_directions(const Layer& layer, const Json& theirs, const Problem& problem,
                        const std::string& what, const std::function<double(int, int, int)>& ours) {
  for (int o = 0; o < problem.operands; ++o) {
    const Json& list = theirs.at(operand_name(layer, o));
    ASSERT_EQ(list.size(), z(problem.operand[z(o)].levels)) << what;
    for (std::size_t m = 0; m < list.size(); ++m) {
      for (int d = 0; d < kDirections; ++d) {
        expect_close(ours(o, static_cast<int>(m), d),
                     list[m].at(std::string(to_string(static_cast<Direction>(d)))),
                     what + " " + operand_name(layer, o) + std::to_string(m) + " " +
                         std::string(short_name(static_cast<Direction>(d))));
      }
    }
  }
}

}  // namespace

void expect_golden_evaluation(const Json& record, const Layer& layer,
                              const Accelerator& accelerator, const Hierarchy& hierarchy,
                              const MappingEntry& links) {
  const SpatialMapping spatial =
      golden_spatial(record.at("spatial_mapping_ordered"), layer, accelerator);
  const auto compiled = compile(layer, accelerator, hierarchy, links, spatial);
  ASSERT_TRUE(std::holds_alternative<Problem>(compiled)) << std::get<std::string>(compiled);
  Problem problem = std::get<Problem>(compiled);
  if (record.contains("options")) {
    problem.repeats_are_free = record.at("options").at("access_same_data_considered_as_no_access");
  }
  Ordering ordering;
  for (const Json& loop : record.at("temporal_loops")) {
    ordering.push(layer.dim_index(std::string(loop.at(0))), loop.at(1));
  }
  Cuts cuts;
  for (int o = 0; o < problem.operands; ++o) {
    std::size_t end = 0;
    const Json& levels = record.at("temporal_allocation").at(operand_name(layer, o));
    for (std::size_t m = 0; m < levels.size(); ++m) {
      end += levels[m].size();
      cuts.end[z(o)][m] = static_cast<std::uint8_t>(end);
    }
  }
  Detail detail;
  const Evaluation e = explain(problem, ordering, cuts, &detail);
  const Cost fast = evaluate(problem, ordering, cuts);
  EXPECT_EQ(fast.energy, e.cost.energy);
  EXPECT_EQ(fast.latency, e.cost.latency);

  const Json& results = record.at("results");
  const Json& energy = results.at("energy");
  expect_close(e.mac_energy, energy.at("mac_energy"), "mac energy");
  expect_close(e.memory_energy, energy.at("mem_energy"), "memory energy");
  if (energy.contains("mac_energy_breakdown") && accelerator.array.imc) {
    const auto parts = std::get<Parts>(compute_energy(accelerator, layer, spatial));
    for (const Parts::Part& part : parts.parts) {
      expect_close(part.value, energy.at("mac_energy_breakdown").at(std::string(part.name)),
                   std::string(part.name));
    }
    expect_close(accelerator.area(), results.at("area").at("area_total"), "area");
    expect_close(array_circuit(accelerator)->clock.total(), results.at("clock_ns").at("tclk"),
                 "clock");
  }
  expect_close(e.cost.energy, energy.at("energy_total"), "energy");
  compare_levels(layer, energy.at("mem_energy_per_operand_level"), 0, problem, "level energy",
                 [&](int o, int m) { return e.operands[z(o)].levels[z(m)].energy_total; });
  compare_directions(
      layer, energy.at("mem_energy_per_operand_level_direction"), problem, "energy",
      [&](int o, int m, int d) { return e.operands[z(o)].levels[z(m)].energy[z(d)]; });
  compare_directions(
      layer, results.at("memory_word_access"), problem, "accesses",
      [&](int o, int m, int d) { return e.operands[z(o)].levels[z(m)].accesses[z(d)]; });
  const Json& latency = results.at("latency");
  expect_close(e.latency.ideal, latency.at("ideal_cycle"), "ideal");
  expect_close(e.latency.ideal_temporal, latency.at("ideal_temporal_cycle"), "ideal temporal");
  expect_close(e.latency.stall, latency.at("temporal_stall"), "stall");
  expect_close(e.latency.onload, latency.at("data_onloading_cycle"), "onloading");
  expect_close(e.latency.offload, latency.at("data_offloading_cycle"), "offloading");
  expect_close(e.latency.total0, latency.at("latency_total0"), "total0");
  expect_close(e.latency.total1, latency.at("latency_total1"), "total1");
  expect_close(e.latency.total2, latency.at("latency_total2"), "total2");
  expect_close(e.spatial_utilization, results.at("mac_utilization").at("spatial"), "spatial");
  expect_close(e.utilization, results.at("mac_utilization").at("utilization2"), "overall");
  const Json& utilization = results.at("memory_utilization");
  compare_levels(layer, utilization.at("individual"), 0, problem, "utilization",
                 [&](int o, int m) { return e.operands[z(o)].levels[z(m)].utilization; });
  compare_levels(layer, utilization.at("shared"), 0, problem, "shared",
                 [&](int o, int m) { return e.operands[z(o)].levels[z(m)].utilization_shared; });
  compare_levels(layer, utilization.at("effective_individual"), 0, problem, "effective",
                 [&](int o, int m) { return e.operands[z(o)].levels[z(m)].effective_utilization; });
  compare_levels(
      layer, utilization.at("effective_shared"), 0, problem, "effective shared",
      [&](int o, int m) { return e.operands[z(o)].levels[z(m)].effective_utilization_shared; });
  compare_levels(layer, utilization.at("effective_shared_after_double_buffer_check"), 0, problem,
                 "after check",
                 [&](int o, int m) { return detail.shared_after_check[z(o)][z(m)]; });

  if (!record.contains("intermediate")) return;
  const Json& intermediate = record.at("intermediate");
  const Json& temporal = intermediate.at("temporal");
  compare_levels(layer, temporal.at("cycle_cabl_level"), 0, problem, "cycles",
                 [&](int o, int m) { return detail.tiling.operand[z(o)].period[z(m + 1)]; });
  compare_levels(layer, temporal.at("top_r_loop_size"), 1, problem, "top r",
                 [&](int o, int a) { return detail.tiling.operand[z(o)].top_relevant[z(a)]; });
  compare_levels(layer, temporal.at("top_ir_loop_size"), 1, problem, "top ir",
                 [&](int o, int a) { return detail.tiling.operand[z(o)].top_irrelevant[z(a)]; });
  for (const bool real : {true, false}) {
    const std::string name = real ? "fractional" : "integer";
    const Json* units = &intermediate.at("spatial_" + name);
    const Json* mapping = &intermediate.at("mapping_" + name);
    if (units->is_null()) units = &intermediate.at("spatial_fractional");
    if (mapping->is_null()) mapping = &intermediate.at("mapping_fractional");
    const auto version = problem.whole || real ? 0u : 1u;
    const auto spatial_of = [&](int o) -> const OperandSpatial& {
      return real ? problem.operand[z(o)].real : problem.operand[z(o)].integer;
    };
    compare_levels(layer, units->at("unit_count"), 1, problem, name + " units",
                   [&](int o, int a) { return spatial_of(o).units[z(a)]; });
    compare_levels(layer, units->at("unit_unique"), 1, problem, name + " unique",
                   [&](int o, int a) { return spatial_of(o).unique_units[z(a)]; });
    compare_levels(layer, units->at("mem_bw_boost"), 0, problem, name + " boost",
                   [&](int o, int m) { return spatial_of(o).boost[z(m)]; });
    compare_levels(
        layer, mapping->at("data_elem_per_level_unrolled"), 1, problem, name + " elements",
        [&](int o, int a) { return detail.tiling.operand[z(o)].version[version].elements[z(a)]; });
    const Json& movement = mapping->at("data_movement");
    const auto& links_detail = real ? detail.real : detail.integer;
    for (int o = 0; o < problem.operands; ++o) {
      const Json& levels = movement.at(operand_name(layer, o));
      for (std::size_t m = 0; m < levels.size(); ++m) {
        for (int d = 0; d < kDirections; ++d) {
          const std::string direction(to_string(static_cast<Direction>(d)));
          const TransferDetail& ours = links_detail[z(o)][m][z(d)];
          const std::string what =
              name + " " + operand_name(layer, o) + std::to_string(m) + " " + direction + " ";
          const auto field = [&](const char* key) { return levels[m].at(key).at(direction); };
          expect_close(ours.amount, field("data_trans_amount_per_period"), what + "amount");
          expect_close(ours.period, field("data_trans_period"), what + "period");
          expect_close(ours.count, field("data_trans_period_count"), what + "count");
          expect_close(ours.bandwidth, field("req_mem_bw_aver"), what + "bandwidth");
          expect_close(ours.window, field("inst_data_trans_window"), what + "window");
          if (ours.active)
            expect_close(ours.precision, field("data_precision"), what + "precision");
        }
      }
    }
  }
  compare_levels(layer, intermediate.at("double_buffer"), 1, problem, "double buffer",
                 [&](int o, int a) { return detail.double_buffer[z(o)][z(a)] ? 1.0 : 0.0; });
  compare_directions(
      layer, intermediate.at("real_data_trans_cycle"), problem, "real cycles",
      [&](int o, int m, int d) { return detail.integer[z(o)][z(m)][z(d)].real_cycles; });
  compare_directions(
      layer, intermediate.at("allowed_mem_update_cycle"), problem, "allowed",
      [&](int o, int m, int d) { return detail.integer[z(o)][z(m)][z(d)].allowed_cycles; });
  const search::MappingDetails details =
      search::mapping_details(problem, hierarchy, detail, e.latency.total0);
  const Json& memories = intermediate.at("ports_per_memory");
  std::size_t place = 0;
  for (std::size_t i = 0; i < memories.size(); ++i) {
    for (const Json& port : memories[i].at("ports")) {
      ASSERT_LT(place, details.ports.size());
      expect_close(details.ports[place++].stall, port.at("stall_slack_comb"),
                   std::string(memories[i].at("memory")) + " stall or slack");
    }
    // Of all operands together: what Stream asks of a memory.
    std::array<double, kDirections> sum{};
    const HierarchyMemory& memory = hierarchy.memories[i];
    const auto& stored = accelerator.memories[z(memory.memory)].operands;
    const bool output = std::find(stored.begin(), stored.end(), MemoryOperand::O) != stored.end();
    for (int o = 0; o < problem.operands; ++o) {
      for (std::size_t m = 0; m < e.operands[z(o)].levels.size(); ++m) {
        if (e.operands[z(o)].levels[m].memory != memory.memory) continue;
        const search::LevelBandwidth& bandwidth = details.bandwidth[z(o)][m];
        for (int d = 0; d < kDirections; ++d) {
          sum[z(d)] += std::ceil(bandwidth.required[z(d)] / problem.cycles_per_operation);
        }
        const auto added = output ? Direction::wr_in_by_high : Direction::rd_out_to_low;
        for (const double load : bandwidth.loading) sum[z(static_cast<int>(added))] += load;
      }
    }
    const Json& expected = intermediate.at("total_inst_bandwidth_per_memory")[i];
    for (int d = 0; d < kDirections; ++d) {
      const std::string direction(to_string(static_cast<Direction>(d)));
      expect_close(sum[z(d)], expected[1].at(direction),
                   std::string(expected[0]) + " bandwidth " + direction);
    }
  }
}

}  // namespace ridgeline::testing
