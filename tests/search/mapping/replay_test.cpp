// What was found is found again when it is given, and nothing else is costed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "search/mapping/fixed_ordering.hpp"
#include "search/mapping/mapper.hpp"
#include "search/mapping/replay.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

using ::testing::HasSubstr;

TEST(Replay, GivesEqualFiguresToTheLastBit) {
  std::mt19937_64 random(7);
  int feasible = 0;
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const auto one =
        testing::random_problem(random, 1 + static_cast<int>(random() % 8), i % 3 != 0);
    const auto hierarchy = model::build_hierarchy(one.accelerator);
    MapperOptions options;
    options.engine = i % 2 == 0 ? Engine::exact : Engine::loma;
    const LayerResult found =
        map_layer(one.layer, one.accelerator, hierarchy, one.mapping, options);
    if (!found.infeasible.empty()) continue;
    ++feasible;
    const model::MappingEntry given =
        replayable(one.layer, one.accelerator, hierarchy, one.mapping, found);
    const LayerResult again = map_layer(one.layer, one.accelerator, hierarchy, given, {});
    ASSERT_EQ(again.infeasible, "");
    ASSERT_EQ(again.evaluation.cost.energy, found.evaluation.cost.energy);
    ASSERT_EQ(again.evaluation.cost.latency, found.evaluation.cost.latency);
    ASSERT_EQ(again.evaluation.latency.stall, found.evaluation.latency.stall);
    ASSERT_EQ(again.evaluated, 1);
  }
  EXPECT_GT(feasible, 60);
}

// A core with a register and a buffer for everything, and a product of two matrices.
struct Small {
  model::Accelerator accelerator;
  model::Layer layer;
  model::MappingEntry mapping;

  Small() {
    accelerator.array.dims = {{"D1", 4}};
    accelerator.array.unit_energy = 1;
    const auto memory = [](const char* name, std::int64_t size) {
      model::Memory m;
      m.name = name;
      m.size = size;
      m.r_cost = m.w_cost = 1;
      m.served_dims = {0};
      m.operands = {model::MemoryOperand::I1, model::MemoryOperand::I2, model::MemoryOperand::O};
      model::Port port{"rw_port_1", model::PortType::read_write, 8, 64, {}};
      for (const auto operand : m.operands) {
        for (int d = 0; d < model::kDirections; ++d) {
          port.allocation.emplace_back(operand, static_cast<model::Direction>(d));
        }
      }
      m.ports = {port};
      return m;
    };
    accelerator.memories = {memory("register", 512), memory("buffer", 1 << 20)};
    layer.name = "g";
    layer.dims = {{"B", 14}, {"K", 8}, {"C", 6}};
    layer.operands = {{.name = "O", .indices = {{false, 0}, {false, 1}}, .precision = 16},
                      {.name = "W", .indices = {{false, 2}, {false, 1}}, .precision = 8},
                      {.name = "I", .indices = {{false, 0}, {false, 2}}, .precision = 8}};
    layer.output_final_precision = 8;
    mapping.spatial_mapping = {{"D1", {{"K", 4}}}};
  }

  LayerResult map(Engine engine, bool no_quirks = false) const {
    MapperOptions options;
    options.engine = engine;
    options.no_quirks = no_quirks;
    return map_layer(layer, accelerator, model::build_hierarchy(accelerator), mapping, options);
  }
};

// As papers and other tools list mappings: loops of an operand by memory, no order beside them.
TEST(Replay, TakesTheOrderFromTheLoopsOfAnOperand) {
  Small small;
  const LayerResult found = small.map(Engine::exact);
  ASSERT_EQ(found.infeasible, "");
  const auto hierarchy = model::build_hierarchy(small.accelerator);
  small.mapping = replayable(small.layer, small.accelerator, hierarchy, small.mapping, found);
  small.mapping.temporal_ordering.clear();
  for (const std::string operands : {"OWI", "W", "OI"}) {
    Small some = small;
    std::erase_if(some.mapping.memory_loops, [&](const model::LevelLoopsRequest& request) {
      return operands.find(request.operand) == std::string::npos;
    });
    const LayerResult again = some.map(Engine::exact);
    ASSERT_EQ(again.infeasible, "") << operands;
    EXPECT_EQ(again.evaluation.cost.latency, found.evaluation.cost.latency) << operands;
    EXPECT_EQ(again.evaluated == 1, operands == "OWI") << operands;
  }
}

TEST(Replay, LeavesOpenWhatIsNotGiven) {
  Small small;
  small.mapping.temporal_ordering = {{"C", 6}, {"B", 14}, {"K", 2}};
  const LayerResult free = small.map(Engine::exact);
  ASSERT_EQ(free.infeasible, "");
  small.mapping.memory_loops = {{"W", "register", {{"C", 6}}}};
  const LayerResult part = small.map(Engine::exact);
  ASSERT_EQ(part.infeasible, "");
  EXPECT_TRUE(part.optimal);
  EXPECT_GT(part.evaluated, 1);
  const std::size_t weights = 1;
  ASSERT_EQ(part.allocation[weights][0].size(), 1);
  EXPECT_EQ(part.allocation[weights][0][0].size, 6);
  EXPECT_LE(free.evaluation.cost.latency, part.evaluation.cost.latency);
}

TEST(Replay, NamesWhatCannotBe) {
  Small small;
  small.mapping.temporal_ordering = {{"C", 6}, {"B", 14}, {"K", 2}};
  const auto reason = [&](std::vector<model::LevelLoopsRequest> loops) {
    small.mapping.memory_loops = std::move(loops);
    return small.map(Engine::exact).infeasible;
  };
  EXPECT_THAT(reason({{"W", "register", {{"B", 14}}}}), HasSubstr("not those that register"));
  EXPECT_THAT(reason({{"W", "cache", {{"C", 6}}}}), HasSubstr("cache does not hold operand W"));
  EXPECT_THAT(reason({{"W", "register", {{"CC", 6}}}}), HasSubstr("CC is no loop"));
  EXPECT_THAT(reason({{"O", "register", {{"C", 6}, {"B", 14}, {"K", 2}}}}),
              HasSubstr("do not fit"));
  EXPECT_THAT(reason({{"W", "buffer", {{"C", 6}}}}), HasSubstr("hold all loops that are left"));
  small.mapping.temporal_ordering.pop_back();
  EXPECT_THAT(reason({{"W", "register", {{"C", 6}}}}),
              AllOf(HasSubstr("needs a temporal_ordering of all loops"), HasSubstr("K (2)")));
}

TEST(FixedSizes, AreNeverCostedAsOtherLoopsThanTheLayers) {
  Small small;
  small.mapping.temporal_ordering = {{"B", 14}};
  const LayerResult refused = small.map(Engine::loma);
  EXPECT_THAT(refused.infeasible,
              AllOf(HasSubstr("leaves out K (2), C (6)"), HasSubstr("7 times its iterations")));
  const LayerResult right = small.map(Engine::loma, true);
  ASSERT_EQ(right.infeasible, "");
  EXPECT_EQ(right.evaluation.latency.ideal_temporal, 14 * 2 * 6);
  const LayerResult best = small.map(Engine::exact, true);
  ASSERT_EQ(best.infeasible, "");
  EXPECT_LE(best.evaluation.cost.latency, right.evaluation.cost.latency);
  const LayerResult exact = small.map(Engine::exact);
  ASSERT_EQ(exact.infeasible, "");
  EXPECT_THAT(exact.remark, HasSubstr("leaves out"));
}

TEST(FixedSizes, AreNamedWhereTheyAreWrong) {
  Small small;
  const auto reason = [&](std::vector<model::TemporalPosition> ordering, Engine engine) {
    small.mapping.temporal_ordering = std::move(ordering);
    return small.map(engine).infeasible;
  };
  for (const Engine engine : {Engine::loma, Engine::exact}) {
    EXPECT_THAT(reason({{"B", 28}, {"K", 2}, {"C", 6}}, engine),
                HasSubstr("B 28 is more than the 14 iterations of B"));
    EXPECT_THAT(reason({{"B", 4}}, engine), HasSubstr("B 4 does not divide the 14"));
    EXPECT_THAT(reason({{"K", std::nullopt}, {"K", std::nullopt}}, engine),
                HasSubstr("2 loops of K of any size"));
  }
  EXPECT_THAT(reason({{"BB", 14}, {"K", 2}, {"C", 6}}, Engine::loma),
              HasSubstr("BB is no loop of this layer"));
}

TEST(FixedSizes, KeepWhatIsFreeWithinTheLimit) {
  const std::vector<std::int64_t> sizes{64, 9, 1};
  model::Layer layer;
  layer.dims = {{"A", 64}, {"B", 9}, {"C", 1}};
  FixedOrderings orderings(layer, sizes, 3, {{0, 4}, {1, std::nullopt}});
  std::vector<model::TemporalLoop> loops;
  int count = 0;
  while (orderings.next(loops)) {
    ++count;
    double product = 1;
    for (const auto& loop : loops) product *= static_cast<double>(loop.size);
    EXPECT_EQ(product, 64 * 9);
    EXPECT_EQ(loops[0].dim, 0);
    EXPECT_EQ(loops[0].size, 4);
    EXPECT_EQ(loops[1].dim, 1);
    EXPECT_LE(loops.size(), 4);
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace ridgeline::search
