// Building the graph of computation nodes: near-linear in nodes, up to the 100,000 of
// docs/performance.md.
#include <benchmark/benchmark.h>

#include "model/system/node_tiling.hpp"

namespace {

using namespace ridgeline::model;

// `count` chained 3x3 convolutions with one row of `rows` a node.
Network convolutions(int count, int rows) {
  Network network;
  for (int l = 0; l < count; ++l) {
    Layer layer;
    layer.id = l;
    layer.name = "conv" + std::to_string(l);
    layer.dims = {{"B", 1}, {"K", 8},  {"G", 1},     {"OX", 56},
                  {"C", 8}, {"FX", 3}, {"OY", rows}, {"FY", 3}};
    layer.relations = {{"IX", {3, 5}, {1, 1}, 1, 1, 56}, {"IY", {6, 7}, {1, 1}, 1, 1, rows}};
    const auto loop = [](int dim) { return OperandIndex{false, dim}; };
    layer.operands = {{"O", {loop(0), loop(2), loop(1), loop(6), loop(3)}, 16, false, {}},
                      {"W", {loop(1), loop(4), loop(7), loop(5)}, 8, true, {}},
                      {"I", {loop(0), loop(2), loop(4), {true, 1}, {true, 0}}, 8, l == 0, {}}};
    layer.constant_operands = {"W"};
    layer.output_final_precision = 8;
    NetworkNode node;
    node.id = l;
    node.name = layer.name;
    node.operator_type = "Conv";
    node.type = "conv";
    if (l > 0) {
      layer.operands[2].source = l - 1;
      node.inputs = {{l - 1, 0}};
    } else {
      layer.constant_operands.emplace_back("I");
    }
    node.layer = std::move(layer);
    network.nodes.push_back(std::move(node));
  }
  return network;
}

void build_graph(benchmark::State& state) {
  const int nodes = static_cast<int>(state.range(0));
  const int layers = static_cast<int>(state.range(1));
  const Network network = convolutions(layers, nodes / layers);
  CoreMapping mapping;
  mapping.entries.push_back({.name = "default", .cores = {0}, .intra = {{"OY", kAllTiles}}});
  TilingOptions options;
  options.weight_capacity = std::int64_t{1} << 40;
  std::size_t edges = 0;
  for (auto _ : state) {
    const CnGraphResult result = build_cn_graph(network, mapping, options);
    edges = result.graph.predecessors.size();
    benchmark::DoNotOptimize(edges);
  }
  state.counters["edges"] = static_cast<double>(edges);
  state.SetComplexityN(nodes);
}

BENCHMARK(build_graph)
    ->Unit(benchmark::kMillisecond)
    ->Args({1'000, 4})
    ->Args({10'000, 4})
    ->Args({100'000, 4})
    ->Args({100'000, 100})
    ->Args({1'000'000, 4});

}  // namespace
