// The examples that rebuild published systems, against what the reference found for them in 2023:
// node costs, schedules with the published allocations, and the three chips. Everything is done
// here, node costs included.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/run/schedule_run.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/schedule_inputs.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"

namespace ridgeline {
namespace {

const std::filesystem::path kExamples = std::filesystem::path(RIDGELINE_SOURCE_DIR) / "examples";
const std::filesystem::path kLab4 = kExamples / "labs" / "lab4";

struct Case {
  std::filesystem::path workload;
  std::filesystem::path system;
  std::filesystem::path mapping;
};

engine::ScheduleRequest request_of_2023() {
  engine::ScheduleRequest request;
  request.tiling.semantics = model::Semantics::v2023;
  request.schedule.semantics = model::ScheduleSemantics::semantics_2023();
  request.costs.rules_of_2023 = true;
  request.costs.onchip_latency = true;
  return request;
}

engine::ScheduleResult run(const Case& files, engine::ScheduleRequest request,
                           const std::filesystem::path& allocation = {}) {
  const model::MultiCore system = io::load_multicore(files.system);
  const model::CoreMapping mapping = io::load_core_mapping(files.mapping);
  io::LoweringOptions options;
  options.semantics = model::Semantics::v2023;
  options.mapping = &mapping;
  const model::Network network = io::load_network(files.workload, options).network;
  if (!allocation.empty()) {
    const io::Document document = io::load_document(allocation);
    for (auto& [id, cores] : io::read_allocation(document.root(), network, system)) {
      request.allocation.push_back({id, std::move(cores)});
    }
  }
  engine::ScheduleResult result = engine::run_schedule(network, system, mapping, request);
  EXPECT_EQ(result.infeasible, "");
  return result;
}

double link(const engine::ScheduleResult& r, model::TransferCause c) {
  return r.figures.energy.link[static_cast<std::size_t>(c)];
}
double memory(const engine::ScheduleResult& r, model::TransferCause c) {
  return r.figures.energy.memory[static_cast<std::size_t>(c)];
}

struct Parts {
  double energy, onchip, offchip_link, offchip_memory, sink_link, sink_memory, link, memory;
};

void expect_parts(const engine::ScheduleResult& r, const Parts& p) {
  using model::TransferCause;
  EXPECT_NEAR(r.figures.energy.total(), p.energy, 1e-3);
  EXPECT_NEAR(r.figures.energy.onchip, p.onchip, 1e-3);
  EXPECT_EQ(link(r, TransferCause::offchip), p.offchip_link);
  EXPECT_NEAR(memory(r, TransferCause::offchip), p.offchip_memory, 1e-2);
  EXPECT_EQ(link(r, TransferCause::sink), p.sink_link);
  EXPECT_NEAR(memory(r, TransferCause::sink), p.sink_memory, 1e-3);
  EXPECT_EQ(link(r, TransferCause::core_to_core), p.link);
  EXPECT_NEAR(memory(r, TransferCause::core_to_core), p.memory, 1e-3);
  EXPECT_EQ(link(r, TransferCause::eviction), 0);
  EXPECT_EQ(memory(r, TransferCause::eviction), 0);
}

// Latency with and without final off-loading, and energy, of ResNet-18's first layer on the three
// kinds of core.
struct NodeFigures {
  double onload, total, energy;
};

void expect_first_layer(model::ScheduleMode mode, const std::vector<NodeFigures>& expected) {
  for (const bool onchip : {true, false}) {
    engine::ScheduleRequest request = request_of_2023();
    request.tiling.mode = mode;
    request.costs.onchip_latency = onchip;
    const engine::ScheduleResult r =
        run({kLab4 / "independent.yaml", kLab4 / "system.yaml", kLab4 / "rows.yaml"}, request);
    ASSERT_NE(r.variant, nullptr);
    for (std::size_t core = 0; core < 4; ++core) {
      const NodeFigures& e = expected[std::min<std::size_t>(core, 2)];
      const model::NodeCost& cost = r.variant->problem.costs.at(0, static_cast<int>(core));
      ASSERT_TRUE(cost.known);
      EXPECT_EQ(cost.runtime, onchip ? e.onload : e.total) << core;
      EXPECT_NEAR(cost.onchip_energy + cost.offchip_energy, e.energy, 1e-9 * e.energy) << core;
    }
  }
}

TEST(PublishedSchedules, the_first_layer_of_resnet18_costs_what_it_did_in_2023) {
  expect_first_layer(model::ScheduleMode::layer_by_layer, {{425645, 427887, 18486923816.57688},
                                                           {264705, 289961, 4346136021.622},
                                                           {2461734, 2562103, 4640668482.40968}});
}

TEST(PublishedSchedules, a_row_of_it_costs_what_it_did_in_2023) {
  expect_first_layer(
      model::ScheduleMode::fused,
      {{4023, 4249, 10151906.87344}, {2353, 2605, 16325796.5112}, {22544, 22769, 23090484.75032}});
}

TEST(PublishedSchedules, four_copies_of_the_layer_row_by_row) {
  const engine::ScheduleResult r =
      run({kLab4 / "copies.yaml", kLab4 / "system.yaml", kLab4 / "rows.yaml"}, request_of_2023(),
          kLab4 / "published" / "rows.json");
  EXPECT_EQ(r.figures.latency, 924876);
  expect_parts(r, {8936829817.108, 6622481197.588, 721280, 1610567499.52, 1003520, 565634298.88,
                   2007040, 134414981.12});
}

TEST(PublishedSchedules, resnet18_layer_by_layer) {
  engine::ScheduleRequest request = request_of_2023();
  request.tiling.mode = model::ScheduleMode::layer_by_layer;
  const engine::ScheduleResult r = run(
      {kExamples / "workloads" / "resnet18.onnx", kLab4 / "system.yaml", kLab4 / "resnet18.yaml"},
      request, kLab4 / "published" / "resnet18.json");
  EXPECT_EQ(r.record.start.size(), 31u);
  EXPECT_EQ(r.figures.latency, 4342165);
  expect_parts(r, {52178430596.546, 13134970924.026, 15046180, 38887738668.12, 1250, 721472.32,
                   1505920, 138446182.08});
  // The first convolution, the pool, and the fully connected layer.
  EXPECT_EQ(r.record.start[0], 20842);
  EXPECT_EQ(r.record.end[0], 285547);
  EXPECT_EQ(r.record.end[1], 539562);
  EXPECT_EQ(r.record.start.back(), 4309143);
  EXPECT_EQ(r.record.end.back(), 4342040);
}

// The published latency, 3 946 920 cycles, is 0.46 % below ours; every part of the energy agrees.
TEST(PublishedSchedules, resnet18_row_by_row_takes_the_published_energy) {
  const engine::ScheduleResult r = run(
      {kExamples / "workloads" / "resnet18.onnx", kLab4 / "system.yaml", kLab4 / "resnet18.yaml"},
      request_of_2023(), kLab4 / "published" / "resnet18_rows.json");
  EXPECT_EQ(r.record.start.size(), 849u);
  expect_parts(r, {62901557768.726, 28064752070.726, 15272880, 34629632162.72, 1250, 721472.32,
                   2478080, 188699852.96});
}

engine::ScheduleResult chip(const std::string& name, const std::string& workload,
                            model::NodePriority priority) {
  engine::ScheduleRequest request = request_of_2023();
  request.schedule.semantics = model::ScheduleSemantics::semantics_2023_june();
  request.schedule.semantics.priority = priority;
  request.schedule.prefetch = {"W"};
  request.costs.onchip_latency = false;
  const std::filesystem::path folder = kExamples / "validation" / name;
  return run({folder / workload, folder / "system.yaml", folder / "mapping.yaml"}, request);
}

// Runtime and on-chip energy of the nodes of each layer.
void expect_nodes(const engine::ScheduleResult& r,
                  const std::vector<std::pair<double, double>>& expected) {
  const model::CnGraph& graph = r.variant->graph;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto& [runtime, energy] = expected[static_cast<std::size_t>(graph.nodes[n].layer)];
    const model::NodeCost& cost =
        r.variant->problem.costs.at(graph.nodes[n].unique, r.record.core[n]);
    ASSERT_EQ(cost.runtime, runtime) << graph.layer_of(static_cast<int>(n)).name;
    ASSERT_NEAR(cost.onchip_energy, energy, 1e-9 * energy)
        << graph.layer_of(static_cast<int>(n)).name;
  }
}

// Peak of a memory in KB.
double peak(const engine::ScheduleResult& r, int core, const std::string& name) {
  const auto& instances = r.variant->problem.memories.instances;
  for (std::size_t m = 0; m < instances.size(); ++m) {
    if (instances[m].cores.front() == core && instances[m].name == name) {
      return static_cast<double>(r.record.memories[m].peak) / 8192;
    }
  }
  return -1;
}

TEST(PublishedSchedules, depfin_takes_what_the_reference_predicts) {
  const engine::ScheduleResult r = chip("depfin", "fsrcnn.yaml", model::NodePriority::memory);
  EXPECT_EQ(r.figures.latency, 6370024);  // measured: 6 180 000
  EXPECT_EQ(r.figures.energy.total(), 58670622965.0);
  expect_nodes(r, {{815, 9698464},
                   {461, 4611776},
                   {877, 8834592},
                   {877, 8834592},
                   {877, 8834592},
                   {877, 8834592},
                   {461, 4810880},
                   {4048, 53898144}});
  EXPECT_NEAR(peak(r, 0, "l1_act"), 262.5, 0.05);
  EXPECT_NEAR(peak(r, 0, "l1_w"), 15.62, 0.005);
  EXPECT_NEAR(peak(r, 1, "dram"), 8100, 0.5);
}

TEST(PublishedSchedules, diana_takes_what_the_reference_predicts) {
  const engine::ScheduleResult r =
      chip("diana", "resnet18_start.yaml", model::NodePriority::memory);
  EXPECT_EQ(r.figures.latency, 791852);  // measured: 812 000
  EXPECT_NEAR(r.figures.energy.total(), 2157989254.56, 0.005);
  const std::pair<double, double> conv{2690, 5328117.76}, add{1794, 136668};
  expect_nodes(r,
               {{152, 247358.72}, {64, 20160}, conv, {898, 702007.04}, conv, add, conv, conv, add});
  EXPECT_NEAR(peak(r, 0, "l1"), 112.02, 0.005);
  EXPECT_NEAR(peak(r, 0, "l1_w"), 9.19, 0.005);
  EXPECT_NEAR(peak(r, 2, "l1_w"), 148, 0.5);
  EXPECT_NEAR(peak(r, 4, "l2"), 763.56, 0.005);
}

TEST(PublishedSchedules, the_chip_of_jia_et_al_takes_what_the_reference_predicts) {
  const engine::ScheduleResult r =
      chip("jia", "resnet50_segment.yaml", model::NodePriority::latency);
  EXPECT_EQ(r.figures.latency, 63820);  // measured: 66 302
  const std::pair<double, double> wide{34, 76372.52}, square{38, 169780.92};
  expect_nodes(r, {wide, square, {34, 75950.12}, wide, square});
}

}  // namespace
}  // namespace ridgeline
