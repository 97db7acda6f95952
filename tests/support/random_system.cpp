#include "tests/support/random_system.hpp"

#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "io/document/document.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "model/system/node_tiling.hpp"
#include "model/system/streaming.hpp"

namespace ridgeline::testing {
namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  int from(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }
  bool one_in(int n) { return from(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

std::string number(int n) {
  return std::to_string(n);
}

// Convolutions, some of which read the same one, and sometimes a sum of the last two.
std::string workload(Random& random) {
  const int layers = random.from(2, 4);
  const int channels = 4 * random.from(1, 3);
  const int rows = random.from(2, 4);
  std::string text;
  int last = 0;
  for (int l = 0; l < layers; ++l) {
    const int source = l == 0 ? 0 : random.one_in(3) ? random.from(0, l - 1) : l - 1;
    text += "- id: " + number(l) + "\n  name: L" + number(l) +
            "\n  operator_type: Conv\n"
            "  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]\n"
            "  dimension_relations: [ix=1*ox+1*fx, iy=1*oy+1*fy]\n"
            "  loop_dims: [B, K, C, OY, OX, FY, FX]\n  loop_sizes: [1, " +
            number(channels) + ", " + number(channels) + ", " + number(rows) +
            ", 4, 1, 1]\n  pr_loop_dims: [IY, IX]\n  padding: [[0, 0], [0, 0]]\n"
            "  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}\n"
            "  operand_source: {W: " +
            number(l) + ", I: " + number(source) + "}\n";
    last = l;
  }
  if (last > 0 && random.one_in(2)) {
    text += "- id: " + number(last + 1) +
            "\n  name: sum\n  operator_type: Add\n"
            "  equation: O[b][k][oy][ox]=W[b][k][oy][ox]+I[b][k][oy][ox]\n"
            "  loop_dims: [B, K, OY, OX]\n  loop_sizes: [1, " +
            number(channels) + ", " + number(rows) +
            ", 4]\n  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}\n"
            "  operand_source: {W: " +
            number(last - 1) + ", I: " + number(last) + "}\n";
  }
  return text;
}

// A core whose top memories have random sizes.
std::string core(Random& random) {
  const auto memory = [&](const std::string& name, int bits, const std::string& operands,
                          const std::string& ports) {
    return "  " + name + ":\n    size: " + number(bits) +
           "\n    r_cost: " + number(random.from(1, 9)) +
           "\n    w_cost: " + number(random.from(1, 9)) +
           "\n    area: 1\n    latency: 1\n    operands: " + operands +
           "\n    served_dimensions: [D1]\n    ports:\n"
           "      - {name: rw_port_1, type: read_write, bandwidth_min: 8, bandwidth_max: " +
           number(8 << random.from(0, 3)) + ", allocation: " + ports + "}\n";
  };
  return "name: core\ntype: compute\nmemories:\n" +
         memory("weights", 128 << random.from(0, 5), "[I2]", "['I2, tl', 'I2, fh']") +
         memory("maps", 256 << random.from(0, 5), "[I1, O]",
                "['I1, tl', 'I1, fh', 'O, fl', 'O, fh', 'O, tl', 'O, th']") +
         "operational_array:\n  unit_energy: 1\n  unit_area: 1\n  dimensions: [D1]\n  sizes: [4]\n";
}

std::string offchip() {
  return "name: offchip\ntype: memory\nmemories:\n  dram:\n    size: 8589934592\n    r_cost: 100\n"
         "    w_cost: 110\n    area: 0\n    latency: 1\n    operands: [I1, I2, O]\n"
         "    served_dimensions: [D1]\n    ports:\n"
         "      - {name: rw_port_1, type: read_write, bandwidth_min: 64, bandwidth_max: 64, "
         "allocation: "
         "['I1, tl', 'I2, tl', 'O, tl', 'O, th', 'I1, fh', 'I2, fh', 'O, fh', 'O, fl']}\n"
         "operational_array:\n  unit_energy: 0\n  unit_area: 0\n  dimensions: [D1]\n  sizes: [0]\n";
}

std::string indented(const std::string& text) {
  std::string result = "    ";
  for (const char c : text) {
    result += c;
    if (c == '\n') result += "    ";
  }
  return result + "\n";
}

// One bus, or a bus and channels to and from off-chip memory.
std::string system(Random& random, bool identical) {
  const int cores = random.from(2, 3);
  std::string text = "name: random\ncores:\n";
  const std::string same = core(random);
  for (int c = 0; c < cores; ++c)
    text += "  " + number(c) + ":\n" + indented(identical ? same : core(random));
  text += "  " + number(cores) + ":\n" + indented(offchip());
  text += "offchip_core_id: " + number(cores) + "\nunit_energy_cost: " + number(random.from(0, 5)) +
          "\ncore_connectivity:\n";
  std::string all;
  for (int c = 0; c < cores; ++c) all += (c == 0 ? "" : ", ") + number(c);
  const auto bandwidth = [&] { return number(4 << random.from(0, 5)); };
  if (random.one_in(2)) {
    text += "  - {type: bus, cores: [" + all + ", " + number(cores) +
            "], bandwidth: " + bandwidth() + "}\n";
  } else {
    text += "  - {type: bus, cores: [" + all + "], bandwidth: " + bandwidth() + "}\n";
    text += "  - {type: channel, from: [" + all + "], to: [" + number(cores) +
            "], bandwidth: " + bandwidth() + "}\n";
    text += "  - {type: channel, from: [" + number(cores) + "], to: [" + all +
            "], bandwidth: " + bandwidth() + "}\n";
  }
  return text;
}

model::NodeCost random_cost(Random& random, const model::CnLayer& layer,
                            const model::Accelerator& core, bool whole) {
  model::NodeCost cost;
  cost.known = true;
  cost.runtime = random.from(1, 400) + (whole ? 0.0 : 0.5 * random.from(0, 1));
  cost.ideal_cycles = cost.runtime;
  cost.mac_energy = random.from(1, 100);
  cost.onchip_energy = cost.mac_energy + random.from(0, 500) / 3.0;
  for (const model::MemoryOperand operand : model::streamed_operands(layer, core)) {
    cost.streamed[static_cast<std::size_t>(cost.streamed_count++)] = {
        operand, static_cast<double>(random.from(1, 40))};
    cost.offchip_energy += random.from(0, 900) / 7.0;
  }
  return cost;
}

}  // namespace

RandomSystem random_system(std::uint64_t seed, const RandomSystemOptions& options) {
  Random random(seed);
  const model::Network network = io::network_of(
      io::read_workload(io::parse_document(workload(random), "workload").root(), "random"));
  const model::MultiCore multicore = io::read_multicore(
      io::parse_document(system(random, options.identical), "system").root(), "");
  const int cores = multicore.offchip_core;
  model::CoreMapping mapping;
  model::CoreMappingEntry entry;
  entry.name = "default";
  entry.cores.clear();
  for (int c = 0; c < cores; ++c) entry.cores.push_back(c);
  if (!random.one_in(3)) entry.intra.push_back({"OY", model::kAllTiles});
  if (random.one_in(3)) entry.inter.push_back({"K", 2});
  // Four slices of each layer, where not too many allocations become of it.
  if (!entry.inter.empty() && std::pow(cores, 4 * network.nodes.size()) < 10'000)
    entry.inter.push_back({"OY", 2});
  mapping.entries.push_back(entry);
  model::TilingOptions tiling;
  tiling.mode = random.one_in(2) ? model::ScheduleMode::fused : model::ScheduleMode::layer_by_layer;
  tiling.weight_capacity = model::weight_capacity(multicore);
  model::CnGraphResult built = model::build_cn_graph(network, mapping, tiling);
  if (built.problem) throw std::logic_error(built.problem.problem);

  RandomSystem result;
  result.graph = std::make_unique<model::CnGraph>(std::move(built.graph));
  const model::CnGraph& graph = *result.graph;
  model::NodeCostTable costs;
  costs.cores = static_cast<int>(multicore.cores.size());
  const bool whole = random.one_in(2);
  for (const std::int32_t node : graph.unique_nodes) {
    for (int c = 0; c <= cores; ++c) {
      const auto& accelerator = multicore.cores[static_cast<std::size_t>(c)].accelerator;
      if (c > 0 && c < cores && options.identical) {
        costs.costs.push_back(costs.costs.back());
      } else if (c < cores) {
        costs.costs.push_back(random_cost(random, graph.layer_of(node), accelerator, whole));
      } else {
        costs.costs.emplace_back();
      }
    }
  }
  model::ScheduleOptions schedule;
  if (options.strict) schedule.semantics = schedule.semantics.strict();
  if (random.one_in(4)) schedule.semantics.priority = model::NodePriority::latency;
  if (random.one_in(4)) schedule.prefetch = {"W"};
  const model::Interconnect interconnect = model::build_interconnect(multicore);
  result.problem = model::compile_schedule(graph, interconnect,
                                           model::build_top_memories(multicore, interconnect),
                                           multicore.offchip_core, std::move(costs), schedule);
  result.choices.assign(static_cast<std::size_t>(result.problem.slots), entry.cores);
  for (int s = 0; s < result.problem.slots; ++s) result.whole_cycles.push_back(!random.one_in(5));
  return result;
}

}  // namespace ridgeline::testing
