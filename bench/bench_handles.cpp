// Handles of the C++ header: orderings and allocations a second, one thread, through the arrays
// that Python hands over as well. What bench/python_overhead compares with.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ridgeline/ridgeline.hpp"

namespace {

using nlohmann::json;
const std::string kExamples = std::string(RIDGELINE_SOURCE_DIR) + "/examples/";

// 100,000 orderings of the loops of a ResNet-18 layer, as permutations one after the other.
void orderings(benchmark::State& state) {
  const json request{{"workload", kExamples + "workloads/resnet18.onnx"},
                     {"accelerator", kExamples + "accelerators/tpu_like.yaml"},
                     {"mapping", kExamples + "mappings/tpu_like.yaml"},
                     {"layer", {"layer1.0.conv1"}}};
  const ridgeline::Mapping mapping(request.dump());
  const json text = json::parse(mapping.text());
  std::vector<std::pair<int, std::int64_t>> loops;
  for (std::size_t d = 0; d < text.at("temporal").size(); ++d) {
    std::int64_t size = text.at("temporal")[d][1];
    for (const std::int64_t factor : {7, 4, 3, 2}) {
      while (size % factor == 0) {
        loops.emplace_back(static_cast<int>(d), factor);
        size /= factor;
      }
    }
    if (size > 1) loops.emplace_back(static_cast<int>(d), size);
  }
  std::sort(loops.begin(), loops.end());
  const std::size_t count = 100'000;
  std::vector<std::int32_t> dims;
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < count; ++i) {
    for (const auto& [dim, size] : loops) {
      dims.push_back(dim);
      sizes.push_back(size);
    }
    std::next_permutation(loops.begin(), loops.end());
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(mapping.cost(static_cast<int>(loops.size()), dims, sizes));
  }
  state.counters["per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(count),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(orderings)->Unit(benchmark::kMillisecond);

// 10,000 allocations of four convolutions to three cores.
void allocations(benchmark::State& state) {
  const std::string folder = kExamples + "labs/multicore/";
  const json request{{"workload", folder + "four_convs.yaml"},
                     {"accelerator", folder + "system.yaml"},
                     {"mapping", folder + "fused.yaml"},
                     {"mode", "layer-by-layer"}};
  const ridgeline::Allocations handle(request.dump());
  const json text = json::parse(handle.text());
  const std::size_t count = 10'000;
  std::vector<std::int32_t> cores;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t rest = i;
    for (const json& slot : text.at("slots")) {
      const json& able = slot.at("cores");
      cores.push_back(able[rest % able.size()]);
      rest /= able.size();
    }
  }
  for (auto _ : state) benchmark::DoNotOptimize(handle.schedule(count, cores));
  state.counters["per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(count),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(allocations)->Unit(benchmark::kMillisecond);

}  // namespace
