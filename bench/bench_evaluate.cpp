// How many temporal mappings a second one thread evaluates: a 3x3 convolution of ResNet-18
// (layer1.0.conv1) on the TPU-like example, all 720 orderings of its merged loops in turn.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <variant>
#include <vector>

#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/mapper.hpp"
#include "search/mapping/ordering_batch.hpp"
#include "search/mapping/spatial_candidates.hpp"

namespace ridgeline {
namespace {

model::Layer convolution() {
  model::Layer layer;
  layer.name = "layer1.0.conv1";
  layer.operator_type = "Conv";
  layer.dims = {{"B", 1},   {"K", 64}, {"G", 1},  {"OX", 56},
                {"OY", 56}, {"C", 64}, {"FX", 3}, {"FY", 3}};
  layer.relations = {{"IX", {3, 6}, {1, 1}, 1, 1, 56}, {"IY", {4, 7}, {1, 1}, 1, 1, 56}};
  const auto loop = [](int dim) { return model::OperandIndex{false, dim}; };
  const auto data = [](int relation) { return model::OperandIndex{true, relation}; };
  layer.operands = {{"O", {loop(0), loop(2), loop(1), loop(4), loop(3)}, 16, false, {}},
                    {"W", {loop(2), loop(1), loop(5), loop(7), loop(6)}, 8, true, {}},
                    {"I", {loop(0), loop(2), loop(5), data(1), data(0)}, 8, false, 0}};
  layer.constant_operands = {"W"};
  layer.output_final_precision = 8;
  return layer;
}

struct Case {
  model::Layer layer = convolution();
  model::Accelerator accelerator;
  model::Hierarchy hierarchy;
  model::MappingEntry mapping;
  model::Problem problem;
  std::vector<model::TemporalLoop> loops;
  std::vector<std::vector<std::uint8_t>> orders;  // places in `loops`
  std::vector<model::Ordering> orderings;         // the same
  std::vector<model::Cuts> cuts;
  std::vector<model::LoopTiling> tilings;

  explicit Case(const char* name) {
    const std::string examples = std::string(RIDGELINE_SOURCE_DIR) + "/examples/";
    accelerator = io::load_accelerator(examples + "accelerators/" + name + ".yaml");
    mapping = *io::load_mapping(examples + "mappings/" + name + ".yaml", &accelerator)
                   .choose(layer.name, layer.operator_type);
    hierarchy = model::build_hierarchy(accelerator);
    const auto candidates =
        search::spatial_candidates(layer, accelerator, hierarchy, mapping, {3, false});
    auto compiled =
        model::compile(layer, accelerator, hierarchy, mapping, candidates.mappings.at(0));
    problem = std::get<model::Problem>(compiled);
    const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                          problem.temporal_size.begin() + problem.dims);
    search::LoopPermutations permutations(layer, search::loop_factors(layer, sizes, 6, {}).loops);
    loops = permutations.current();
    do {
      model::Ordering ordering;
      for (const auto& loop : permutations.current()) ordering.push(loop.dim, loop.size);
      model::Cuts cut;
      if (!search::allocate(problem, ordering, false, cut)) continue;
      orders.push_back(permutations.places());
      orderings.push_back(ordering);
      cuts.push_back(cut);
      tilings.emplace_back();
      model::tile(problem, ordering, cut, tilings.back());
    } while (permutations.next());
  }
};

const Case& tpu_like() {
  static const Case instance("tpu_like");
  return instance;
}

// Runs `each(i)` for all orderings in turn.
template <class Each>
void over_orderings(benchmark::State& state, const Case& c, const Each& each) {
  std::size_t i = 0;
  for (auto _ : state) {
    each(i);
    if (++i == c.orderings.size()) i = 0;
  }
  state.counters["per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

// The figure that matters: cut into levels, and all costs, several at once as searches do.
void batch(benchmark::State& state, const char* name) {
  const Case c(name);
  search::OrderingBatch orderings(c.problem, c.loops, false);
  double sum = 0;
  over_orderings(state, c, [&](std::size_t i) {
    if (orderings.add(c.orders[i]) && orderings.full()) {
      orderings.cost([&](const model::Cost& cost, int) { sum += cost.latency; });
    }
  });
  benchmark::DoNotOptimize(sum);
}
BENCHMARK_CAPTURE(batch, tpu_like, "tpu_like");
BENCHMARK_CAPTURE(batch, edge_tpu_like, "edge_tpu_like");
BENCHMARK_CAPTURE(batch, tesla_npu_like, "tesla_npu_like");
BENCHMARK_CAPTURE(batch, ascend_like, "ascend_like");
BENCHMARK_CAPTURE(batch, eyeriss_like, "eyeriss_like");

// The same one by one.
void allocate_and_evaluate(benchmark::State& state) {
  const Case& c = tpu_like();
  over_orderings(state, c, [&](std::size_t i) {
    model::Cuts cuts;
    if (!search::allocate(c.problem, c.orderings[i], false, cuts)) std::abort();
    benchmark::DoNotOptimize(model::evaluate(c.problem, c.orderings[i], cuts));
  });
}
BENCHMARK(allocate_and_evaluate);

void allocate(benchmark::State& state) {
  const Case& c = tpu_like();
  over_orderings(state, c, [&](std::size_t i) {
    model::Cuts cuts;
    benchmark::DoNotOptimize(search::allocate(c.problem, c.orderings[i], false, cuts));
    benchmark::DoNotOptimize(cuts);
  });
}
BENCHMARK(allocate);

void evaluate(benchmark::State& state) {
  const Case& c = tpu_like();
  over_orderings(state, c, [&](std::size_t i) {
    benchmark::DoNotOptimize(model::evaluate(c.problem, c.orderings[i], c.cuts[i]));
  });
}
BENCHMARK(evaluate);

void tile(benchmark::State& state) {
  const Case& c = tpu_like();
  model::LoopTiling tiling;
  over_orderings(state, c, [&](std::size_t i) {
    model::tile(c.problem, c.orderings[i], c.cuts[i], tiling);
    benchmark::DoNotOptimize(tiling);
  });
}
BENCHMARK(tile);

void cost_of_tiling(benchmark::State& state) {
  const Case& c = tpu_like();
  over_orderings(state, c, [&](std::size_t i) {
    benchmark::DoNotOptimize(model::evaluate(c.problem, c.tilings[i]));
  });
}
BENCHMARK(cost_of_tiling);

// The readable breakdown, for comparison.
void explain(benchmark::State& state) {
  const Case& c = tpu_like();
  over_orderings(state, c, [&](std::size_t i) {
    benchmark::DoNotOptimize(model::explain(c.problem, c.orderings[i], c.cuts[i]));
  });
}
BENCHMARK(explain);

void compile(benchmark::State& state) {
  const Case& c = tpu_like();
  const auto candidates =
      search::spatial_candidates(c.layer, c.accelerator, c.hierarchy, c.mapping, {3, false});
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        model::compile(c.layer, c.accelerator, c.hierarchy, c.mapping, candidates.mappings[0]));
  }
}
BENCHMARK(compile);

// All spatial mappings of the layer on an array whose dimensions the mapping leaves open.
void spatial_candidates(benchmark::State& state) {
  const Case& c = tpu_like();
  model::MappingEntry open = c.mapping;
  open.spatial_mapping.clear();
  for (auto _ : state) {
    benchmark::DoNotOptimize(search::spatial_candidates(c.layer, c.accelerator, c.hierarchy, open,
                                                        {3, state.range(0) != 0}));
  }
}
BENCHMARK(spatial_candidates)->ArgName("mixed")->Arg(0)->Arg(1);

// The whole search of a layer, by loop-prime-factor limit.
void loma(benchmark::State& state) {
  const Case& c = tpu_like();
  search::MapperOptions options;
  options.engine = search::Engine::loma;
  options.lpf_limit = static_cast<int>(state.range(0));
  std::int64_t evaluated = 0;
  for (auto _ : state) {
    const auto result = search::map_layer(c.layer, c.accelerator, c.hierarchy, c.mapping, options);
    if (!result.infeasible.empty()) std::abort();
    evaluated += result.evaluated;
  }
  state.counters["mappings_per_second"] =
      benchmark::Counter(static_cast<double>(evaluated), benchmark::Counter::kIsRate);
}
BENCHMARK(loma)->ArgName("lpf")->Arg(6)->Arg(8)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ridgeline
