// The fourth laboratory of the ISPASS 2023 tutorial: ResNet-18's first layer four times on the
// heterogeneous quad-core, row by row. The node costs are those that the reference found (its
// history keeps them), so that scheduler and cost model fail apart.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "model/system/node_tiling.hpp"
#include "model/system/scheduler.hpp"

namespace ridgeline {
namespace {

class Laboratory4 : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path folder =
        std::filesystem::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "lab4";
    system_ = io::load_multicore(folder / "system.yaml");
    const model::CoreMapping mapping = io::load_core_mapping(folder / "rows.yaml");
    io::LoweringOptions options;
    options.semantics = model::Semantics::v2023;
    options.mapping = &mapping;
    const model::Network network = io::load_network(folder / "copies.yaml", options).network;
    model::TilingOptions tiling;
    tiling.semantics = model::Semantics::v2023;
    tiling.weight_capacity = model::weight_capacity(system_);
    model::CnGraphResult built = model::build_cn_graph(network, mapping, tiling);
    ASSERT_FALSE(built.problem) << built.problem.problem;
    graph_ = std::move(built.graph);
    ASSERT_EQ(graph_.nodes.size(), 4u * 112u);
  }

  // The schedule that the reference's genetic algorithm returned: layers on cores 1, 0, 1, 1.
  model::ScheduleFigures schedule(double link_energy, model::ScheduleRecord& record) const {
    constexpr std::array<double, 4> kRuntime{4023, 2353, 22544, 22544};
    constexpr std::array<double, 4> kEnergy{10151906.87344, 16325796.5112, 23090484.75032,
                                            23090484.75032};
    model::NodeCostTable costs;
    costs.cores = static_cast<int>(system_.cores.size());
    costs.costs.resize(graph_.unique_nodes.size() * system_.cores.size());
    for (int u = 0; u < static_cast<int>(graph_.unique_nodes.size()); ++u) {
      for (std::size_t c = 0; c < kRuntime.size(); ++c) {
        model::NodeCost& cost = costs.at(u, static_cast<int>(c));
        cost.known = true;
        cost.runtime = kRuntime[c];
        cost.onchip_energy = kEnergy[c];
      }
    }
    model::MultiCore system = system_;
    for (model::Connection& c : system.connections) c.unit_energy *= link_energy / 10;
    const model::Interconnect interconnect = model::build_interconnect(system);
    model::ScheduleOptions options;
    options.semantics = model::ScheduleSemantics::semantics_2023();
    const model::ScheduleProblem problem = model::compile_schedule(
        graph_, interconnect, model::build_top_memories(system, interconnect), system.offchip_core,
        costs, options);
    model::Scheduler scheduler(problem);
    return scheduler.evaluate({{1, 0, 1, 1}, std::vector<bool>(4, false)}, record);
  }

  model::MultiCore system_;
  model::CnGraph graph_;
};

TEST_F(Laboratory4, row_by_row_gives_the_schedule_of_2023) {
  model::ScheduleRecord record;
  const model::ScheduleFigures figures = schedule(10, record);
  ASSERT_TRUE(figures.feasible());
  EXPECT_EQ(figures.latency, 924876);
  EXPECT_NEAR(figures.energy.total(), 8936829817.108, 1e-3);
  EXPECT_NEAR(figures.energy.onchip, 6622481197.588, 1e-3);
  const auto link = [&](model::TransferCause c) {
    return figures.energy.link[static_cast<std::size_t>(c)];
  };
  const auto memory = [&](model::TransferCause c) {
    return figures.energy.memory[static_cast<std::size_t>(c)];
  };
  EXPECT_EQ(link(model::TransferCause::offchip), 721280);
  EXPECT_NEAR(memory(model::TransferCause::offchip), 1610567499.52, 1e-3);
  EXPECT_EQ(link(model::TransferCause::sink), 1003520);
  EXPECT_NEAR(memory(model::TransferCause::sink), 565634298.88, 1e-3);
  EXPECT_EQ(link(model::TransferCause::core_to_core), 2007040);
  EXPECT_NEAR(memory(model::TransferCause::core_to_core), 134414981.12, 1e-3);
  EXPECT_EQ(link(model::TransferCause::eviction), 0);
  EXPECT_EQ(memory(model::TransferCause::eviction), 0);
  EXPECT_EQ(record.start[0], 1778);
  EXPECT_EQ(record.end[0], 4131);
}

TEST_F(Laboratory4, links_without_energy_change_nothing_else) {
  model::ScheduleRecord record;
  const model::ScheduleFigures figures = schedule(0, record);
  EXPECT_EQ(figures.latency, 924876);
  EXPECT_NEAR(figures.energy.total(), 8933097977.108, 1e-3);
}

}  // namespace
}  // namespace ridgeline
