// The strict model against execution element by element, and against a machine that runs cycle by
// cycle (docs/strict-model.md), on random small mappings. How many: RIDGELINE_STRICT_CASES.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <variant>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "model/core/physics.hpp"
#include "model/core/problem.hpp"
#include "model/core/strict_evaluate.hpp"
#include "tests/support/cycle_simulator.hpp"
#include "tests/support/execution.hpp"
#include "tests/support/random_mapping.hpp"

namespace ridgeline::model {
namespace {

using testing::RandomMapping;

std::uint64_t cases(std::uint64_t usual) {
  const char* text = std::getenv("RIDGELINE_STRICT_CASES");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

// Ports of their own or shared ones, words that tiles do not fill, memories that are nearly full,
// padding, and unrollings that do not divide their loops.
RandomMapping varied(std::uint64_t seed, int largest) {
  testing::Dice dice(seed);
  testing::MappingVariety variety;
  variety.badly_divided_percent = 40;
  RandomMapping mapping = testing::random_mapping(dice, largest, variety);
  for (DimRelation& relation : mapping.layer.relations) {
    relation.padding_begin = relation.padding_end = 0;
    if (!dice.chance(50)) continue;
    relation.padding_begin = dice.below(2);
    relation.padding_end = dice.below(2);
  }
  for (std::size_t r = 0; r < mapping.layer.relations.size(); ++r) {
    if (mapping.layer.relation_size(static_cast<int>(r)) >= 1) continue;
    mapping.layer.relations[r].padding_begin = mapping.layer.relations[r].padding_end = 0;
  }
  for (Memory& memory : mapping.accelerator.memories) {
    const Port all = memory.ports.front();
    memory.ports.clear();
    const int count = dice.from(1, 3);
    for (int p = 0; p < count; ++p) {
      Port port = all;
      port.name = "rw_port_" + std::to_string(p + 1);
      port.bandwidth_max = std::int64_t{8} << dice.below(6);
      port.allocation.clear();
      memory.ports.push_back(port);
    }
    for (const auto& function : all.allocation) {
      memory.ports[z(dice.below(count))].allocation.push_back(function);
    }
    memory.r_cost = 1 + dice.below(9);
    memory.w_cost = 1 + dice.below(9);
  }
  return mapping;
}

// Requests along rows of one or two dimensions, or of a whole tile (docs/strict-model.md, 1.6).
PortRequests some_requests(const Layer& layer, const Memory& memory, testing::Dice& dice) {
  PortRequests requests;
  if (dice.chance(60)) requests.bits = std::int64_t{16} << dice.below(5);
  if (dice.chance(60)) requests.cycles = dice.from(1, 9);
  if (dice.chance(50)) requests.burst = std::int64_t{16} << dice.below(4);
  if (dice.chance(30)) requests.efficiency = 0.125 * dice.from(4, 8);
  for (bool& one : requests.of) one = !dice.chance(20);
  for (const MemoryOperand operand : memory.operands) {
    if (dice.chance(20)) continue;
    auto& row = requests.rows[static_cast<std::size_t>(operand)].emplace();
    for (const LoopDim& dim : layer.dims) {
      if (dice.chance(35)) row.push_back(dim.name);
    }
  }
  return requests;
}

// What chips have besides: requests, tiles that do not stay, a unit that finishes outputs.
void add_options(RandomMapping& mapping, testing::Dice& dice) {
  for (Memory& memory : mapping.accelerator.memories) {
    memory.reloads_tiles = dice.chance(20);
    if (dice.chance(30)) memory.output_buffers = dice.from(2, 4);
    for (Port& port : memory.ports) {
      if (dice.chance(40)) port.requests = some_requests(mapping.layer, memory, dice);
    }
  }
  if (dice.chance(50)) mapping.accelerator.array.post_processing = 0.5 * dice.from(1, 6);
}

struct Judged {
  Evaluation evaluation;
  Detail detail;
  Problem problem;
};

// Memories become `tightness` times as large as what is in them.
Judged judge(RandomMapping& mapping, const testing::Execution& execution, testing::Dice& dice) {
  const Hierarchy hierarchy = build_hierarchy(mapping.accelerator);
  for (std::size_t k = 0; k < mapping.accelerator.memories.size(); ++k) {
    Memory& memory = mapping.accelerator.memories[k];
    if (dice.chance(40)) continue;
    std::int64_t bits = 0;
    for (std::size_t o = 0; o < mapping.layer.operands.size(); ++o) {
      const auto stored =
          static_cast<std::size_t>(*mapping.links.link(mapping.layer.operands[o].name));
      for (std::size_t m = 0; m < hierarchy.levels[stored].size(); ++m) {
        if (hierarchy.memories[z(hierarchy.levels[stored][m])].memory != static_cast<int>(k))
          continue;
        bits += 2 * execution.stored[o][m];
      }
    }
    memory.size = bits + dice.below(static_cast<int>(bits) + 1);
  }
  Judged judged;
  auto compiled = compile(mapping.layer, mapping.accelerator, hierarchy, mapping.links,
                          mapping.spatial, CostModel::strict);
  EXPECT_TRUE(std::holds_alternative<Problem>(compiled)) << std::get<std::string>(compiled);
  judged.problem = std::get<Problem>(compiled);
  Ordering ordering;
  for (const TemporalLoop& loop : mapping.temporal) ordering.push(loop.dim, loop.size);
  Cuts cuts;
  for (std::size_t o = 0; o < mapping.cuts.size(); ++o) {
    for (std::size_t m = 0; m < mapping.cuts[o].size(); ++m) {
      cuts.end[o][m] = static_cast<std::uint8_t>(mapping.cuts[o][m]);
    }
  }
  judged.evaluation = explain(judged.problem, ordering, cuts, &judged.detail);
  const Cost fast = evaluate(judged.problem, ordering, cuts);
  EXPECT_EQ(fast.energy, judged.evaluation.cost.energy);
  EXPECT_EQ(fast.latency, judged.evaluation.cost.latency);
  const Cost bound = bound_strict(judged.problem, ordering, cuts);
  EXPECT_EQ(bound.energy, fast.energy);
  EXPECT_LE(bound.latency, fast.latency);
  return judged;
}

testing::Machine machine_of(const Judged& judged, const RandomMapping& mapping) {
  testing::Machine machine;
  const Problem& problem = judged.problem;
  machine.ports = problem.ports;
  for (int o = 0; o < problem.operands; ++o) {
    const int levels = problem.operand[z(o)].levels;
    std::vector<std::array<int, kDirections>> port(z(levels), {-1, -1, -1, -1});
    for (int p = 0; p < problem.ports; ++p) {
      for (int i = problem.port[z(p)].begin; i < problem.port[z(p)].end; ++i) {
        const PortLink& link = problem.link[z(i)];
        if (link.operand == o) port[link.level][link.direction] = p;
      }
    }
    machine.up_port.push_back(port);
    machine.down_port.emplace_back();
    machine.buffers.emplace_back();
    machine.wait.emplace_back();
    for (int a = 0; a < levels; ++a) {
      machine.down_port.back().push_back(a == 0 ? std::array<int, kDirections>{-1, -1, -1, -1}
                                                : port[z(a - 1)]);
      machine.buffers.back().push_back(o == 0 && a > 0 ? judged.detail.output_buffers[z(a)]
                                       : judged.detail.double_buffer[z(o)][z(a)] ? 2
                                                                                 : 1);
      const int source = problem.memory[z(problem.operand[z(o)].memory[z(a)])].source;
      machine.wait.back().push_back(
          std::max<std::int64_t>(0, mapping.accelerator.memories[z(source)].latency - 1));
    }
  }
  return machine;
}

// What a mapping is, in a few lines.
void describe(const RandomMapping& mapping, const testing::Machine& machine,
              const testing::Execution& execution) {
  const auto& layer = mapping.layer;
  std::cout << "  loops:";
  for (const TemporalLoop& loop : mapping.temporal)
    std::cout << ' ' << layer.dims[z(loop.dim)].name << ' ' << loop.size;
  std::cout << "\n";
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    std::cout << "  " << layer.operands[o].name << ':';
    for (std::size_t a = 0; a < mapping.cuts[o].size(); ++a) {
      std::cout << "  [x" << machine.buffers[o][a] << " wait " << machine.wait[o][a] << " ports";
      for (const int port : machine.up_port[o][a]) std::cout << ' ' << port;
      std::cout << ';';
      std::int64_t most[4] = {};
      std::int64_t sum[4] = {};
      for (const testing::Exchange& x : execution.exchanges[o][a]) {
        const std::int64_t all[4] = {x.up, x.down, x.back_up, x.back_down};
        for (std::size_t i = 0; i < 4; ++i) {
          most[i] = std::max(most[i], all[i]);
          sum[i] += all[i];
        }
      }
      std::cout << ' ' << execution.exchanges[o][a].size() << " times, at most";
      for (const auto words : most) std::cout << ' ' << words;
      std::cout << ", sum";
      for (const auto words : sum) std::cout << ' ' << words;
      std::cout << "] cut " << mapping.cuts[o][a];
    }
    std::cout << "\n";
  }
}

void expect_possible(const Evaluation& e) {
  EXPECT_GE(e.latency.onload, 0);
  EXPECT_GE(e.latency.offload, 0);
  EXPECT_GE(e.latency.stall, -1e-9);
  EXPECT_GE(e.latency.ideal_temporal, e.latency.ideal);
  EXPECT_GE(e.latency.total0, e.latency.ideal_temporal - 1e-9);
  EXPECT_GE(e.latency.total2, e.latency.total0);
}

void counts_are_those_of_execution(std::uint64_t count) {
  std::int64_t compared = 0;
  for (std::uint64_t seed = 0; seed < count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomMapping mapping = varied(seed, seed % 16 == 0 ? 600 : 96);
    testing::Dice options(seed ^ 0x3131);
    if (seed % 2 == 1) add_options(mapping, options);
    const testing::Execution execution = testing::execute(mapping);
    testing::Dice dice(seed ^ 0x5151);
    const Judged judged = judge(mapping, execution, dice);
    expect_possible(judged.evaluation);
    for (std::size_t o = 0; o < execution.accesses.size(); ++o) {
      for (std::size_t m = 0; m < execution.accesses[o].size(); ++m) {
        for (std::size_t d = 0; d < kDirections; ++d) {
          ++compared;
          EXPECT_NEAR(judged.evaluation.operands[o].levels[m].accesses[d],
                      static_cast<double>(execution.accesses[o][m][d]), 1e-6)
              << mapping.layer.operands[o].name << " level " << m << " "
              << short_name(static_cast<Direction>(d));
        }
      }
    }
  }
  std::cout << compared << " counts of accesses compared\n";
}

TEST(StrictModel, CountsAreThoseOfExecution) {
  counts_are_those_of_execution(cases(400));
}

// How near the latency comes to a machine's on mappings so small that every edge shows
// (docs/strict-model.md, 6).
struct Nearness {
  double median = 0;
  double most = 0;   // 95th percentile
  double worst = 0;  // above or below
  std::int64_t unequal = 0;
  double least = 0;  // the furthest below
  int low = 0;       // promise more than 2 % too much
};

struct Drawn {
  int largest = 400;     // operations at most
  double smallest = 0;   // and more than these
  bool options = false;  // add_options()
  std::uint64_t first_seed = 0;
};

Nearness nearness(std::uint64_t count, const Drawn& drawn) {
  std::vector<double> errors;
  Nearness result;
  for (std::uint64_t seed = drawn.first_seed;
       errors.size() < count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomMapping mapping = varied(seed + 1'000'000, drawn.largest);
    double operations = 1;
    for (const TemporalLoop& loop : mapping.temporal) operations *= static_cast<double>(loop.size);
    if (operations <= drawn.smallest) continue;
    testing::Dice options(seed ^ 0x3131);
    if (drawn.options) add_options(mapping, options);
    const testing::Execution execution = testing::execute(mapping);
    testing::Dice dice(seed ^ 0x7171);
    for (Memory& memory : mapping.accelerator.memories)
      memory.latency = dice.chance(70) ? 1 : dice.from(2, 6);
    const Judged judged = judge(mapping, execution, dice);
    const std::int64_t cycles = testing::simulate(execution, machine_of(judged, mapping));
    EXPECT_GT(cycles, 0);
    const double error = judged.evaluation.cost.latency / static_cast<double>(cycles) - 1;
    if (std::getenv("RIDGELINE_STRICT_SHOW") && (std::abs(error) > 0.05 || error < -0.02)) {
      std::cout << "seed " << seed << ": " << judged.evaluation.cost.latency << " (onload "
                << judged.evaluation.latency.onload << ", offload "
                << judged.evaluation.latency.offload << ") against " << cycles << " of "
                << execution.cycles << ", " << 100 * error << " %\n";
      describe(mapping, machine_of(judged, mapping), execution);
    }
    result.least = std::min(result.least, error);
    result.low += error < -0.02 ? 1 : 0;
    errors.push_back(std::abs(error));
  }
  std::sort(errors.begin(), errors.end());
  result.median = errors[errors.size() / 2];
  result.most = errors[errors.size() * 95 / 100];
  result.worst = errors.back();
  result.unequal = std::count_if(errors.begin(), errors.end(), [](double e) { return e > 0; });
  std::cout << errors.size() << " mappings: " << result.unequal << " not to the cycle, median "
            << 100 * result.median << " %, 95th percentile " << 100 * result.most
            << " %, the worst " << 100 * result.worst << " %, at most " << -100 * result.least
            << " % below; " << result.low << " more than 2 % below\n";
  return result;
}

TEST(StrictModel, ComesNearTheCyclesOfAMachine) {
  EXPECT_EQ(nearness(cases(2500), {}).unequal, 0);
}

TEST(StrictModel, ComesNearTheCyclesOfAMachineWithRequests) {
  EXPECT_EQ(nearness(cases(2500), {.options = true}).unequal, 0);
}

TEST(StrictModel, ComesNearTheCyclesOfLargerMappings) {
  for (const std::uint64_t first : {0, 5'000'000, 9'000'000}) {
    const Nearness result = nearness(cases(250), {.largest = 20'000, .first_seed = first});
    EXPECT_EQ(result.most, 0);
    EXPECT_EQ(result.low, 0);
  }
}

// Of these, those in which what repeats itself is not walked again.
TEST(StrictModel, ComesNearWhereLoopsRepeatThemselves) {
  const std::uint64_t count = std::max<std::uint64_t>(40, cases(0) / 10);
  for (const std::uint64_t first : {0, 5'000'000, 9'000'000}) {
    const Nearness result = nearness(
        count,
        {.largest = 20'000, .smallest = StrictProblem{}.walked_in_full, .first_seed = first});
    EXPECT_EQ(result.median, 0);
    EXPECT_LE(result.most, 0.001);
    EXPECT_LE(result.worst, 0.02);
    EXPECT_EQ(result.low, 0);
  }
}

// A matrix product of 2 x 3 folds on a systolic array of 4 rows and 8 columns, whose units keep a
// weight or a sum; the kept operand moves a row a cycle. SCALE-Sim (Samajdar et al., 2018) takes
// 2 R + C + K - 2 cycles a fold of K operations.
double folds_on_systolic_array(bool weight_stationary, std::int64_t operations) {
  constexpr std::int64_t kRows = 4;
  constexpr std::int64_t kColumns = 8;
  Layer layer;
  layer.name = "product";
  layer.operator_type = "Gemm";
  // Weight stationary: C along the rows, D in time. Output stationary: D along the rows, C in time.
  layer.dims = {{"D", weight_stationary ? operations : 2 * kRows},
                {"K", 3 * kColumns},
                {"C", weight_stationary ? 2 * kRows : operations}};
  layer.operands = {{"O", {{false, 0}, {false, 1}}, 8, false, {}},
                    {"W", {{false, 2}, {false, 1}}, 8, true, {}},
                    {"I", {{false, 0}, {false, 2}}, 8, true, {}}};
  layer.output_final_precision = 8;
  layer.constant_operands = {"W", "I"};
  Accelerator accelerator;
  accelerator.array.dims = {{"D1", kRows}, {"D2", kColumns}};
  accelerator.array.systolic_dims = {0, 1};
  const auto add = [&](MemoryOperand operand, bool kept) {
    for (const bool outer : {false, true}) {
      if (!outer && !kept) continue;
      Memory memory;
      memory.name = std::string(to_string(operand)) + (outer ? "_buffer" : "_register");
      memory.size = outer ? 1 << 20 : 8;
      memory.operands = {operand};
      if (outer) memory.served_dims = {0, 1};
      for (int d = 0; d < kDirections; ++d) {
        Port port;
        port.name = "rw_port_" + std::to_string(d + 1);
        port.bandwidth_min = port.bandwidth_max = !outer ? 8 : kept ? 8 * kColumns : 1 << 16;
        port.allocation = {{operand, static_cast<Direction>(d)}};
        memory.ports.push_back(port);
      }
      accelerator.memories.push_back(memory);
    }
  };
  add(MemoryOperand::I1, false);
  add(MemoryOperand::I2, weight_stationary);
  add(MemoryOperand::O, !weight_stationary);
  const SpatialMapping spatial = {{0, {{weight_stationary ? 2 : 0, kRows}}}, {1, {{1, kColumns}}}};
  const auto compiled = compile(layer, accelerator, build_hierarchy(accelerator), MappingEntry{},
                                spatial, CostModel::strict);
  EXPECT_TRUE(std::holds_alternative<Problem>(compiled)) << std::get<std::string>(compiled);
  Ordering ordering;
  ordering.push(weight_stationary ? 0 : 2, operations);
  ordering.push(1, 3);
  ordering.push(weight_stationary ? 2 : 0, 2);
  Cuts cuts;
  for (auto& cut : cuts.end) cut = {1, 3};
  for (std::size_t o = 0; o < 3; ++o) {
    if (std::get<Problem>(compiled).operand[o].levels == 1) cuts.end[o][0] = 3;
  }
  return evaluate(std::get<Problem>(compiled), ordering, cuts).latency;
}

TEST(StrictModel, FillsAndDrainsASystolicArrayAsScaleSimDoes) {
  for (const bool weight_stationary : {false, true}) {
    for (const std::int64_t operations : {5, 16, 100, 200}) {
      const double folds = 6;
      const double rule = folds * (2 * 4 + 8 + static_cast<double>(operations) - 2);
      const double ours = folds_on_systolic_array(weight_stationary, operations);
      // Words to and from the units' registers take cycles of their own in each fold.
      EXPECT_NEAR(ours, rule, 2 * folds + 2) << weight_stationary << " " << operations;
    }
  }
}

TEST(Physics, NamesWhatCouldNotBeBuiltSo) {
  Accelerator accelerator;
  const auto add = [&](const char* name, std::int64_t size, double cost, std::int64_t width) {
    Memory memory;
    memory.name = name;
    memory.size = size;
    memory.r_cost = memory.w_cost = cost;
    memory.area = static_cast<double>(size);
    memory.operands = {MemoryOperand::I1};
    Port port;
    port.name = "rw_port_1";
    port.bandwidth_min = port.bandwidth_max = width;
    port.allocation = {{MemoryOperand::I1, Direction::wr_in_by_high}};
    if (memory.name != "filled")
      port.allocation.emplace_back(MemoryOperand::I1, Direction::rd_out_to_low);
    memory.ports = {port};
    accelerator.memories.push_back(memory);
  };
  add("register", 64, 0.1, 8);
  add("buffer", 1024, 2, 64);
  EXPECT_TRUE(implausible(accelerator).empty());
  const auto says = [&](const std::string& text) {
    const auto found = implausible(accelerator);
    return std::any_of(found.begin(), found.end(),
                       [&](const std::string& one) { return one.find(text) != std::string::npos; });
  };
  add("cheap", 65536, 0.5, 64);
  EXPECT_TRUE(says("memory cheap of 65536 bits has r_cost"));
  add("wide", 1 << 20, 5000, 1 << 21);
  EXPECT_TRUE(says("memory wide: port rw_port_1 moves"));
  add("free", 1 << 22, 0, 64);
  EXPECT_TRUE(says("memory free: r_cost is 0 pJ a bit"));
  accelerator.memories.clear();
  add("filled", 1 << 12, 10, 256);
  add("narrow", 1 << 20, 100, 64);
  EXPECT_FALSE(says("memory filled: port rw_port_1 takes 256 bits a cycle from above"));
  add("outermost", 1 << 24, 1000, 64);
  EXPECT_TRUE(says("memory filled: port rw_port_1 takes 256 bits a cycle from above"));
}

}  // namespace
}  // namespace ridgeline::model
