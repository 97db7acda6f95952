// Complete schedules a second, one thread: graphs and node costs from the project's own
// examples, so that no reference data are needed.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <stdexcept>

#include "engine/run/schedule_run.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"

namespace {

using namespace ridgeline;
namespace fs = std::filesystem;

struct Case {
  model::MultiCore system;
  model::CoreMapping mapping;
  model::Network network;
  engine::ScheduleResult result;
};

Case load(const fs::path& hardware, const fs::path& mapping, const fs::path& workload,
          engine::ScheduleRequest request) {
  Case c;
  c.system = io::load_multicore(hardware);
  c.mapping = io::load_core_mapping(mapping);
  io::LoweringOptions options;
  options.mapping = &c.mapping;
  c.network = io::load_network(workload, options).network;
  request.search.engine = search::AllocationEngine::ga;
  request.search.population = 4;
  request.search.generations = 0;
  c.result = engine::run_schedule(c.network, c.system, c.mapping, request);
  if (c.result.best < 0) throw std::runtime_error("no schedule: " + c.result.infeasible);
  return c;
}

void measure(benchmark::State& state, const Case& c) {
  model::Scheduler scheduler(c.result.variant->problem);
  std::size_t i = 0;
  for (auto _ : state) {
    const engine::ScheduleChoice& choice = c.result.front[i++ % c.result.front.size()];
    benchmark::DoNotOptimize(scheduler.evaluate(choice.allocation));
  }
  state.counters["schedules/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["nodes"] = static_cast<double>(c.result.variant->graph.nodes.size());
}

const fs::path kReference = fs::path(RIDGELINE_REFERENCE_DIR) / "inputs" / "stream";

void lab3(benchmark::State& state) {
  if (!fs::exists(kReference)) return state.SkipWithError("no reference inputs");
  static const Case c =
      load(kReference / "hardware" / "hda_bus.yaml", kReference / "mapping" / "lab3_mapping.yaml",
           kReference / "workload" / "4_convs.onnx", {});
  measure(state, c);
}
BENCHMARK(lab3)->Unit(benchmark::kMicrosecond);

void resnet18_first_eleven(benchmark::State& state) {
  if (!fs::exists(kReference)) return state.SkipWithError("no reference inputs");
  static const Case c = [] {
    engine::ScheduleRequest request;
    request.tiling.stacks = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
    request.costs.mapper.lpf_limit = 5;
    return load(kReference / "hardware" / "tpu_like_quad_core.yaml",
                kReference / "mapping" / "tpu_like_quad_core_ga.yaml",
                kReference / "workload" / "resnet18_first11.onnx", request);
  }();
  measure(state, c);
}
BENCHMARK(resnet18_first_eleven)->Unit(benchmark::kMicrosecond);

// Four copies of a layer, one row a node, on the heterogeneous quad-core of the examples.
void lab4(benchmark::State& state) {
  const fs::path folder = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "lab4";
  static const Case c =
      load(folder / "system.yaml", folder / "rows.yaml", folder / "copies.yaml", {});
  measure(state, c);
}
BENCHMARK(lab4)->Unit(benchmark::kMicrosecond);

// A transformer block, one token a node, on the same cores: its attention reads every token,
// memories are too small for all of them, and links stay busy far ahead of the node at hand.
void transformer_block(benchmark::State& state) {
  const fs::path examples = fs::path(RIDGELINE_SOURCE_DIR) / "examples";
  const fs::path lab = examples / "labs" / "lab4";
  static const Case c = load(lab / "system.yaml", lab / "rows.yaml",
                             examples / "workloads" / "transformer_block.onnx", {});
  measure(state, c);
}
BENCHMARK(transformer_block)->Unit(benchmark::kMillisecond);

// The examples' four convolutions on three cores with taller images, one row a node: near-linear.
void tall_images(benchmark::State& state) {
  const fs::path folder = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "labs" / "multicore";
  Case c;
  c.system = io::load_multicore(folder / "system.yaml");
  c.mapping = io::load_core_mapping(folder / "fused.yaml");
  c.network = io::load_network(folder / "four_convs.yaml").network;
  engine::ScheduleRequest request;
  for (model::NetworkNode& node : c.network.nodes) {
    const auto rows = static_cast<std::size_t>(node.layer->dim_index("OY"));
    node.layer->dims[rows].size = state.range(0) / 4;
    request.allocation.push_back({node.id, {node.id % 3}});
  }
  c.result = engine::run_schedule(c.network, c.system, c.mapping, request);
  if (c.result.best < 0) return state.SkipWithError(c.result.infeasible.c_str());
  measure(state, c);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(tall_images)
    ->Unit(benchmark::kMillisecond)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Complexity();

}  // namespace
