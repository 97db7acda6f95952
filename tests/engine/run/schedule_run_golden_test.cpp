// From the reference's own files to its schedules: reading, tiling, graph, node costs found by
// the mapping search, and scheduling, all by this project.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/run/schedule_run.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "tests/support/golden_schedule.hpp"

namespace ridgeline::testing {
namespace {

struct Files {
  model::MultiCore system;
  model::CoreMapping mapping;
  model::Network network;
};

Files load(const Json& document) {
  const std::filesystem::path folder =
      std::filesystem::path(RIDGELINE_REFERENCE_DIR) / "inputs" / "stream";
  const auto path = [&](const char* what) {
    return folder / document.at("inputs").at(what).get<std::string>();
  };
  Files files;
  files.system = io::load_multicore(path("hardware"));
  files.mapping = io::load_core_mapping(path("mapping"));
  io::LoweringOptions options;
  options.mapping = &files.mapping;
  files.network = io::load_network(path("workload"), options).network;
  return files;
}

engine::ScheduleRequest request_for(const Json& settings) {
  engine::ScheduleRequest request;
  request.tiling.mode = settings.at("mode") == "lbl" ? model::ScheduleMode::layer_by_layer
                                                     : model::ScheduleMode::fused;
  if (!settings.at("layer_stacks_requested").is_null()) {
    request.tiling.stacks =
        settings.at("layer_stacks_requested").get<std::vector<std::vector<int>>>();
  }
  request.costs.mapper.lpf_limit = settings.at("loma_lpf_limit");
  return request;
}

// The genes' cores by layer.
std::vector<engine::LayerAllocation> allocation(const Json& document, const Json& schedule) {
  std::vector<engine::LayerAllocation> result;
  for (std::size_t g = 0; g < schedule.at("allocation").size(); ++g) {
    const int layer = document.at("genes").at(g).at(0);
    if (result.empty() || result.back().id != layer) result.push_back({layer, {}});
    result.back().cores.push_back(schedule.at("allocation").at(g));
  }
  return result;
}

class GoldenRuns : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!golden_is_complete()) {
      GTEST_SKIP() << "no reference data below " << RIDGELINE_REFERENCE_DIR;
    }
  }
};

TEST_P(GoldenRuns, node_costs_and_schedules_are_those_of_the_reference) {
  const GoldenSystem golden = golden_system(GetParam());
  const Json& document = golden.document;
  const Files files = load(document);
  engine::NodeCostCache cache;
  for (const Json& schedule : document.at("schedules")) {
    SCOPED_TRACE(schedule.at("name").get<std::string>());
    if (schedule.contains("error") && !schedule.at("error").is_null()) continue;
    engine::ScheduleRequest request = request_for(document.at("settings"));
    request.schedule.prefetch =
        schedule.at("options").at("operands_to_prefetch").get<std::vector<std::string>>();
    if (!schedule.at("allocation").is_null()) {
      request.allocation = allocation(document, schedule);
    }
    const engine::ScheduleResult result =
        engine::run_schedule(files.network, files.system, files.mapping, request, &cache);
    ASSERT_EQ(result.infeasible, "");
    ASSERT_FALSE(result.tiling_problem);
    EXPECT_EQ(result.figures.latency, schedule.at("latency").get<double>());
    const double energy = schedule.at("energy");
    EXPECT_NEAR(result.figures.energy.total(), energy, 1e-9 * energy);
    EXPECT_EQ(result.record.core, schedule.at("cn_core").get<std::vector<int>>());
    EXPECT_EQ(result.record.start, schedule.at("cn_start").get<std::vector<double>>());
    EXPECT_EQ(result.record.end, schedule.at("cn_end").get<std::vector<double>>());
    EXPECT_EQ(result.record.transfers.size(), schedule.at("transfers").size());
    for (std::size_t m = 0; m < result.record.memories.size(); ++m) {
      EXPECT_EQ(result.record.memories[m].peak,
                schedule.at("memory_peaks").at(m).at(0).get<std::int64_t>());
    }
    // Costs of the nodes on their cores.
    const model::ScheduleProblem& problem = result.variant->problem;
    for (std::size_t i = 0; i < problem.nodes.size(); ++i) {
      const int core = result.record.core[i];
      const model::NodeCost& ours = problem.costs.at(problem.nodes[i].unique, core);
      const model::NodeCost& theirs = golden.costs.at(golden.graph.nodes[i].unique, core);
      ASSERT_EQ(ours.runtime, theirs.runtime) << i;
      ASSERT_NEAR(ours.onchip_energy, theirs.onchip_energy, 1e-9 * theirs.onchip_energy) << i;
      ASSERT_NEAR(ours.offchip_energy, theirs.offchip_energy, 1e-9 * theirs.offchip_energy) << i;
      ASSERT_EQ(ours.streamed_count, theirs.streamed_count) << i;
      for (std::size_t s = 0; s < static_cast<std::size_t>(ours.streamed_count); ++s) {
        ASSERT_EQ(ours.streamed[s].operand, theirs.streamed[s].operand) << i;
        ASSERT_EQ(ours.streamed[s].bandwidth, theirs.streamed[s].bandwidth) << i;
      }
    }
  }
}

// Of every node on every core that may run it, in a schedule or not.
TEST_P(GoldenRuns, every_entry_of_the_cost_table_is_the_references) {
  const GoldenSystem golden = golden_system(GetParam());
  const Files files = load(golden.document);
  engine::ScheduleRequest request = request_for(golden.document.at("settings"));
  request.search.engine = search::AllocationEngine::ga;
  request.search.population = 2;
  request.search.generations = 0;
  const engine::ScheduleResult result =
      engine::run_schedule(files.network, files.system, files.mapping, request);
  ASSERT_NE(result.variant, nullptr) << result.infeasible;
  const model::ScheduleProblem& problem = result.variant->problem;
  int compared = 0;
  for (std::size_t i = 0; i < problem.nodes.size(); ++i) {
    for (int core = 0; core < problem.cores; ++core) {
      const model::NodeCost& theirs = golden.costs.at(golden.graph.nodes[i].unique, core);
      if (!theirs.known) continue;
      const model::NodeCost& ours = problem.costs.at(problem.nodes[i].unique, core);
      ASSERT_TRUE(ours.known) << i << ' ' << core;
      ASSERT_EQ(ours.runtime, theirs.runtime) << i << ' ' << core;
      ASSERT_NEAR(ours.onchip_energy, theirs.onchip_energy, 1e-9 * theirs.onchip_energy);
      ASSERT_NEAR(ours.offchip_energy, theirs.offchip_energy, 1e-9 * theirs.offchip_energy);
      ASSERT_EQ(ours.streamed_count, theirs.streamed_count);
      for (std::size_t s = 0; s < static_cast<std::size_t>(ours.streamed_count); ++s) {
        ASSERT_EQ(ours.streamed[s].operand, theirs.streamed[s].operand) << i;
        ASSERT_EQ(ours.streamed[s].bandwidth, theirs.streamed[s].bandwidth) << i;
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Reference, GoldenRuns, ::testing::ValuesIn(golden_configurations()),
                         [](const auto& instance) { return instance.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenRuns);

class Laboratory3Run : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!golden_is_complete()) {
      GTEST_SKIP() << "no reference data below " << RIDGELINE_REFERENCE_DIR;
    }
    files_ = load(golden_system("lab3_fused").document);
  }
  engine::ScheduleResult run(const engine::ScheduleRequest& request) const {
    return engine::run_schedule(files_.network, files_.system, files_.mapping, request);
  }
  Files files_;
};

TEST_F(Laboratory3Run, finds_the_front_that_the_reference_has_over_all_81_allocations) {
  const engine::ScheduleResult result = run({});
  ASSERT_EQ(result.front.size(), 4u);
  EXPECT_TRUE(result.searched);
  EXPECT_EQ(result.engine, search::AllocationEngine::exhaustive);
  EXPECT_EQ(result.front[0].allocation.core, (std::vector<int>{1, 1, 1, 1}));
  EXPECT_EQ(result.front[1].allocation.core, (std::vector<int>{2, 1, 1, 1}));
  EXPECT_EQ(result.front[2].allocation.core, (std::vector<int>{2, 2, 1, 1}));
  EXPECT_EQ(result.front[3].allocation.core, (std::vector<int>{1, 2, 2, 2}));
  EXPECT_EQ(result.figures.latency, 21365);
}

TEST_F(Laboratory3Run, gives_the_same_on_any_number_of_threads) {
  engine::ScheduleRequest request;
  request.search.engine = search::AllocationEngine::ga;
  request.search.generations = 3;
  request.granularity = engine::GranularityRequest{"OY", {2, 7, model::kAllTiles}};
  const engine::ScheduleResult one = run(request);
  for (const int threads : {2, 4}) {
    request.threads = threads;
    const engine::ScheduleResult more = run(request);
    EXPECT_EQ(more.best, one.best);
    EXPECT_EQ(more.evaluated, one.evaluated);
    ASSERT_EQ(more.front.size(), one.front.size());
    for (std::size_t i = 0; i < one.front.size(); ++i) {
      EXPECT_EQ(more.front[i].granularity, one.front[i].granularity);
      EXPECT_EQ(more.front[i].allocation.core, one.front[i].allocation.core);
      EXPECT_EQ(more.front[i].figures.latency, one.front[i].figures.latency);
    }
  }
}

TEST_F(Laboratory3Run, a_choice_of_granularity_contains_each_of_its_choices) {
  engine::ScheduleRequest request;
  request.search.engine = search::AllocationEngine::exhaustive;
  request.granularity = engine::GranularityRequest{"OY", {4, model::kAllTiles}};
  const engine::ScheduleResult both = run(request);
  EXPECT_EQ(both.space, 2u * 81u);
  request.granularity->factors = {model::kAllTiles};
  const engine::ScheduleResult finest = run(request);
  EXPECT_LE(both.figures.latency, finest.figures.latency);
  EXPECT_EQ(finest.figures.latency, 21365);
}

}  // namespace
}  // namespace ridgeline::testing
