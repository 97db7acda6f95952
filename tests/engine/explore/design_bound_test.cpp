#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "engine/run/schedule_run.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"
#include "search/designs/design_bound.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline {
namespace {

namespace fs = std::filesystem;
const fs::path kExamples = fs::path(RIDGELINE_SOURCE_DIR) / "examples";

// Every layer of a network on every example core: nothing that a search finds is below the bound.
void expect_admissible(const model::Workload& workload, const model::Accelerator& accelerator,
                       const model::MappingSpec& mapping, const std::string& what) {
  const model::Hierarchy hierarchy = model::build_hierarchy(accelerator);
  for (const search::Objective objective :
       {search::Objective::latency, search::Objective::energy}) {
    search::WorkloadSearchOptions options;
    options.mapper.objective = objective;
    options.mapper.lpf_limit = 4;
    const search::WorkloadResult result =
        search::map_workload(workload, accelerator, mapping, options);
    for (const search::WorkloadLayer& layer : result.layers) {
      const search::LayerResult& mapped = result.of(layer);
      if (!mapped.infeasible.empty()) continue;
      const model::WorkloadNode& node = workload.nodes[static_cast<std::size_t>(layer.node)];
      const search::DesignBound bound =
          search::layer_bound(*node.layer, accelerator, hierarchy,
                              *mapping.choose(node.name, node.operator_type), false);
      EXPECT_LE(bound.energy, mapped.evaluation.cost.energy) << what << ", " << node.name;
      EXPECT_LE(bound.latency, mapped.evaluation.cost.latency) << what << ", " << node.name;
      // A bound of nothing would be admissible too, and would prune nothing.
      EXPECT_GT(bound.energy, mapped.evaluation.mac_energy * 0.99) << what << ", " << node.name;
      EXPECT_GT(bound.latency, 0) << what << ", " << node.name;
    }
  }
}

class SlowDesignBound : public testing::TestWithParam<std::string> {};

TEST_P(SlowDesignBound, IsBelowEverythingThatAMappingSearchFinds) {
  const auto network = io::read_onnx_workload(kExamples / "workloads" / "resnet18.onnx").workload;
  const std::string name = GetParam() + ".yaml";
  const auto accelerator = io::load_accelerator(kExamples / "accelerators" / name);
  const auto mapping = io::load_mapping(kExamples / "mappings" / name, &accelerator);
  expect_admissible(network, accelerator, mapping, name);

  // And on cores like it with other sizes: more and fewer units, narrower and wider ports.
  std::mt19937 random(5);
  for (int trial = 0; trial < 6; ++trial) {
    model::Accelerator other = accelerator;
    for (model::ArrayDim& dim : other.array.dims)
      dim.size =
          std::max<std::int64_t>(1, dim.size * (1 + static_cast<std::int64_t>(random() % 4)) / 2);
    for (model::Memory& memory : other.memories) {
      const auto scale = static_cast<std::int64_t>(random() % 3) + 1;
      for (model::Port& port : memory.ports) port.bandwidth_max *= scale;
    }
    expect_admissible(network, other, mapping, name + ", variant " + std::to_string(trial));
  }
}
INSTANTIATE_TEST_SUITE_P(Examples, SlowDesignBound,
                         testing::Values("tpu_like", "ascend_like", "edge_tpu_like", "eyeriss_like",
                                         "tesla_npu_like"));

TEST(SystemBound, IsBelowEverySchedule) {
  const fs::path lab = kExamples / "labs" / "multicore";
  const model::MultiCore system = io::load_multicore(lab / "system.yaml");
  for (const char* file : {"fused.yaml", "slices.yaml", "one_layer_a_core.yaml"}) {
    const model::CoreMapping mapping = io::load_core_mapping(lab / file);
    io::LoweringOptions options;
    options.mapping = &mapping;
    const model::Network network = io::load_network(lab / "four_convs.yaml", options).network;
    const search::DesignBound bound = search::system_bound(network, system);
    // By hand: 8 channels of 56 x 56 outputs of 3 x 3 x 27 products, on 3 x 1024 units, 0.04 pJ
    // each.
    const double macs = 8.0 * 56 * 56 * 9 * 27;
    EXPECT_NEAR(bound.latency, macs / 3072, 1e-3);
    EXPECT_NEAR(bound.energy, macs * 0.04, 1e-2);
    for (const auto mode : {model::ScheduleMode::fused, model::ScheduleMode::layer_by_layer})
      for (const auto priority : {model::NodePriority::order, model::NodePriority::latency}) {
        engine::ScheduleRequest request;
        request.tiling.mode = mode;
        request.schedule.semantics.priority = priority;
        const auto result = engine::run_schedule(network, system, mapping, request);
        ASSERT_GE(result.best, 0) << file << ": " << result.infeasible;
        for (const engine::ScheduleChoice& choice : result.front) {
          EXPECT_GE(choice.figures.latency, bound.latency) << file;
          EXPECT_GE(choice.figures.energy.total(), bound.energy) << file;
        }
      }
  }
}

}  // namespace
}  // namespace ridgeline
