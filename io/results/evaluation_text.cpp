// The form of evaluations that people read.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "io/document/printable.hpp"
#include "io/document/quantity.hpp"
#include "io/document/text_output.hpp"
#include "io/results/array_report.hpp"
#include "io/results/evaluation_parts.hpp"
#include "io/results/evaluation_writer.hpp"
#include "model/core/compute_array.hpp"

namespace ridgeline::io {

namespace {

constexpr std::size_t kBarWidth = 40;
constexpr std::size_t kLongestName = 36;

const model::WorkloadNode& node_of(const EvaluationReport& report,
                                   const search::WorkloadLayer& layer) {
  return report.workload.nodes[static_cast<std::size_t>(layer.node)];
}

// A name cut in its middle, so that its distinguishing end stays.
std::string shortened(const std::string& name) {
  if (name.size() <= kLongestName) return name;
  return name.substr(0, 8) + "..." + name.substr(name.size() - (kLongestName - 11));
}

std::string heading(const EvaluationReport& report) {
  const search::MapperOptions& mapper = report.options.mapper;
  std::string text = report.workload.name + " on " + report.accelerator.name + "\n";
  text += "objective " + std::string(model::to_string(mapper.objective)) + ", engine " +
          to_string(mapper.engine);
  if (mapper.engine == search::Engine::loma) {
    text += ", lpf limit " + (mapper.lpf_limit > 0 ? std::to_string(mapper.lpf_limit) : "none");
  }
  if (mapper.engine == search::Engine::anneal) text += ", seed " + std::to_string(mapper.seed);
  if (mapper.engine == search::Engine::exact && mapper.node_limit > 0) {
    text += ", node limit " + std::to_string(mapper.node_limit);
    if (mapper.gap > 0) text += ", gap " + percent(mapper.gap);
  }
  text +=
      ", " + (mapper.spatial_candidates > 0 ? std::to_string(mapper.spatial_candidates) : "all");
  text += " spatial candidates";
  if (mapper.mixed_spatial) text += ", mixed spatial mappings";
  if (mapper.even) text += ", even mappings only";
  if (report.options.keep_on_chip) text += ", activations kept on chip";
  if (mapper.no_quirks) text += ", strict model";
  return text + "\n\n";
}

// What limits each layer: where it stands under the roofline, and what it pays an operation.
std::string limits_table(const EvaluationReport& report) {
  std::vector<std::vector<std::string>> rows{
      {"Layer", "pJ/MAC", "MAC/cycle", "of peak", "MAC/byte", "Roofline", "Limited by"}};
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const search::LayerResult& mapped = report.result.of(layer);
    if (!mapped.infeasible.empty()) continue;
    const LayerLimits limits = layer_limits(report.accelerator, mapped);
    rows.push_back({shortened(node_of(report, layer).name), fixed(limits.energy_per_mac, 3),
                    fixed(limits.achieved, 1), percent(limits.achieved / limits.peak),
                    fixed(limits.intensity, 2),
                    (limits.memory_bound ? "memory, " : "compute, ") + fixed(limits.attainable, 1),
                    limits.limit});
  }
  if (rows.size() == 1) return "";
  return "\nWhat limits each layer (roofline: multiply-accumulates a cycle that the array, or the "
         "outermost memories, allow)\n" +
         table_text(rows, 1, 6);
}

// Latency and energy that cannot be had together: the front, where it was searched, else a mapping
// that is much cheaper and nearly as fast.
std::string trade_offs(const EvaluationReport& report) {
  std::string text;
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const search::LayerResult& mapped = report.result.of(layer);
    if (!mapped.infeasible.empty()) continue;
    const std::string name = node_of(report, layer).name;
    const model::Cost& best = mapped.evaluation.cost;
    if (mapped.front.size() > 1) {
      std::vector<std::vector<std::string>> rows{
          {"Latency (cycles)", "Energy (pJ)", "cycles", "energy"}};
      for (const model::Cost& cost : mapped.front) {
        rows.push_back({fixed(cost.latency, 2, true), fixed(cost.energy, 2),
                        percent(cost.latency / mapped.front.front().latency),
                        percent(cost.energy / mapped.front.front().energy)});
      }
      text += "\n" + name + ": mappings that no other beats in both" +
              (mapped.front_proven ? "" : " (as far as was searched)") + "\n" + table_text(rows, 0);
    } else if (mapped.cheaper && mapped.cheaper->energy < 0.9 * best.energy) {
      text += "\n" + name + ": " + quantity(best.energy * 1e-12, "J") + " in " +
              fixed(best.latency, 2, true) + " cycles; another mapping takes " +
              quantity(mapped.cheaper->energy * 1e-12, "J") + " in " +
              fixed(mapped.cheaper->latency, 2, true) + " cycles (" +
              percent(1 - mapped.cheaper->energy / best.energy) +
              " less energy; --front lists all)\n";
    }
  }
  return text;
}

// "optimal" or how far off it may be; and how much worse the reference's search ends.
std::array<std::string, 2> proof_columns(const search::LayerResult& mapped,
                                         search::Objective objective) {
  const double value = search::objective_value(objective, mapped.evaluation.cost);
  std::array<std::string, 2> columns{"optimal", ""};
  if (!mapped.optimal) {
    columns[0] = std::isfinite(mapped.lower_bound) && mapped.lower_bound > 0
                     ? "gap " + percent((value - mapped.lower_bound) / value)
                     : "no bound";
  }
  if (mapped.reference) {
    const double theirs = search::objective_value(objective, *mapped.reference);
    columns[1] = theirs > value ? "+" + percent((theirs - value) / value) : "same";
  }
  return columns;
}

// Energy, time and area of all layers together, in the units that are known.
std::string totals(const EvaluationReport& report) {
  const model::Accelerator& accelerator = report.accelerator;
  const search::WorkloadTotal& total = report.result.total;
  const double cycles = total.latency.total2;
  const double period = model::cycle_ns(accelerator).value_or(0);
  std::string text = totals_text(cycles, total.energy, period);
  if (period > 0 && cycles > 0) {
    const Throughput t = throughput(total.macs, cycles, total.energy, period, accelerator.area());
    text +=
        ", " + quantity(t.tops * 1e12, "OP/s") + ", " + quantity(t.tops_per_watt * 1e12, "OP/s/W");
  }
  const bool imc = accelerator.array.imc.has_value();
  const std::string unit = imc ? "mm2" : accelerator.area_unit;
  text += ".\nArea " + fixed(accelerator.area(), 6, true) +
          (unit.empty() ? " in the unit of the accelerator's document" : " " + unit);
  if (!accelerator.technology.empty()) text += ", technology " + accelerator.technology;
  text += ".\n";
  if (report.leakage > 0) {
    text += "Leakage " + quantity(report.leakage * 1e-3, "W");
    if (period > 0) {
      text +=
          ", " + quantity(report.leakage * 1e-3 * cycles * period * 1e-9, "J") + " in that time";
    }
    text += ", of memories whose technology table tells it; no part of the energy above.\n";
  }
  return text;
}

std::string layer_table(const EvaluationReport& report) {
  std::vector<std::vector<std::string>> rows{
      {"Layer", "Operator", "MACs", "Energy (pJ)", "Latency (cycles)", "Spatial", "Overall"}};
  const bool exact = report.options.mapper.engine == search::Engine::exact;
  if (exact) rows.front().insert(rows.front().end(), {"Proof", "loma"});
  const auto figures = [&](double energy, double cycles, double spatial, double overall) {
    return std::vector<std::string>{fixed(energy, 2), fixed(cycles, 2, true), percent(spatial),
                                    percent(overall)};
  };
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const model::WorkloadNode& node = node_of(report, layer);
    const search::LayerResult& mapped = report.result.of(layer);
    std::vector<std::string> row{
        shortened(node.name), node.operator_type,
        fixed(static_cast<double>(node.count) * static_cast<double>(node.layer->mac_count()), 0)};
    if (mapped.infeasible.empty()) {
      const model::Evaluation& e = mapped.evaluation;
      const auto times = static_cast<double>(node.count);
      const auto more = figures(times * e.cost.energy, times * e.cost.latency,
                                e.spatial_utilization, e.utilization);
      row.insert(row.end(), more.begin(), more.end());
      if (exact) {
        const auto proof = proof_columns(mapped, report.options.mapper.objective);
        row.insert(row.end(), proof.begin(), proof.end());
      }
    } else {
      row.push_back(mapped.cut_off ? "not known" : "infeasible");
    }
    rows.push_back(std::move(row));
  }
  const search::WorkloadTotal& total = report.result.total;
  if (!report.result.elements.empty()) {
    double cycles = 0;
    for (const search::WorkloadElement& element : report.result.elements) {
      cycles += element.cost.latency;
    }
    rows.push_back({"Vector unit", std::to_string(report.result.elements.size()) + " nodes", "0",
                    fixed(total.element_energy, 2), fixed(cycles, 2, true)});
  }
  std::vector<std::string> sum{"Total", "", fixed(total.macs, 0)};
  const auto more =
      figures(total.energy, total.latency.total2, total.spatial_utilization, total.utilization);
  sum.insert(sum.end(), more.begin(), more.end());
  rows.push_back(std::move(sum));

  std::string text = table_text(rows, 2);
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const search::LayerResult& mapped = report.result.of(layer);
    if (mapped.infeasible.empty()) continue;
    text += "\n" + node_of(report, layer).name + (mapped.cut_off ? ": " : " is infeasible: ") +
            mapped.infeasible + "\n";
  }
  return text + "\n" + totals(report);
}

struct Part {
  std::string name;
  double value = 0;
};

std::string bars(const std::string& title, const std::vector<Part>& parts) {
  double sum = 0;
  std::size_t width = 0;
  for (const Part& part : parts) {
    sum += part.value;
    width = std::max(width, part.name.size());
  }
  if (sum <= 0) return "";
  std::string text = "\n" + title + "\n";
  for (const Part& part : parts) {
    const double share = part.value / sum;
    text += "  " + padded(part.name, width) + "  " + bar(share, kBarWidth) + "  " +
            padded(percent(share), 7, true) + "\n";
  }
  return text;
}

std::string breakdown(const EvaluationReport& report) {
  std::vector<double> by_memory(report.accelerator.memories.size(), 0);
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const search::LayerResult& mapped = report.result.of(layer);
    if (!mapped.infeasible.empty()) continue;
    for (const model::OperandFigures& operand : mapped.evaluation.operands) {
      for (const model::LevelFigures& level : operand.levels) {
        by_memory[static_cast<std::size_t>(level.memory)] += level.energy_total;
      }
    }
  }
  std::vector<Part> energy{{"multiply-accumulate", report.result.total.mac_energy}};
  for (std::size_t m = 0; m < by_memory.size(); ++m) {
    energy.push_back({report.accelerator.memories[m].name, by_memory[m]});
  }
  const model::LatencyFigures& latency = report.result.total.latency;
  return bars("Where the energy goes", energy) +
         bars("Where the cycles go",
              {{"computing, all units busy", latency.ideal},
               {"units left idle by the spatial mapping", latency.ideal_temporal - latency.ideal},
               {"waiting for data", latency.stall},
               {"loading the first data", latency.onload},
               {"storing the last results", latency.offload}});
}

// "for OX in [0, 112)" with the memory of each operand at that loop, outermost first, then the
// loops that the array unrolls.
std::string loop_nest(const search::LayerResult& mapped, const model::Layer& layer,
                      const model::Accelerator& accelerator) {
  const auto memories = loop_memories(mapped);
  std::vector<std::vector<std::string>> rows{{"Temporal loops"}};
  const std::vector<std::size_t> order = operand_order(layer, mapped.evaluation.operands);
  for (const std::size_t o : order) {
    rows.front().push_back(operand_name(layer, mapped.evaluation.operands[o]));
  }
  const auto loop_text = [&](const char* keyword, int dim, std::int64_t size) {
    return std::string(keyword) + " " + layer.dims[static_cast<std::size_t>(dim)].name +
           " in [0, " + std::to_string(size) + ")";
  };
  std::size_t depth = 0;
  for (std::size_t i = mapped.temporal.size(); i-- > 0;) {
    model::TemporalLoop loop = mapped.temporal[i];
    if (loop.size == 1) continue;
    // Factors of one loop that lie next to each other, and in the same memories, are one loop.
    const auto same = [&](std::size_t j) {
      return mapped.temporal[j].dim == loop.dim &&
             std::all_of(memories.begin(), memories.end(),
                         [&](const auto& operand) { return operand[j] == operand[i]; });
    };
    while (i > 0 && same(i - 1)) loop.size *= mapped.temporal[--i].size;
    std::vector<std::string> row{std::string(2 * depth, ' ') +
                                 loop_text("for", loop.dim, loop.size)};
    for (const std::size_t o : order) {
      const int m = memories[o][i];
      row.push_back(m < 0 ? "" : accelerator.memories[static_cast<std::size_t>(m)].name);
    }
    rows.push_back(std::move(row));
    ++depth;
  }
  rows.push_back({"Spatial loops"});
  for (const model::SpatialDim& dim : mapped.spatial) {
    for (const model::SpatialLoop& loop : dim.loops) {
      if (loop.factor == 1) continue;
      rows.push_back({std::string(2 * depth, ' ') + loop_text("parfor", loop.dim, loop.factor) +
                      "  on " +
                      accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name});
    }
  }
  std::vector<std::size_t> width(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = "  ";
    for (std::size_t c = 0; c < row.size(); ++c) line += padded(row[c], width[c] + 2);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string loop_nests(const EvaluationReport& report) {
  if (report.result.infeasible == report.result.layers.size()) return "";
  std::string text = "\nLoop nests, outermost loop first, and the memory that holds each operand\n";
  for (std::size_t p = 0; p < report.result.problems.size(); ++p) {
    const search::LayerResult& mapped = report.result.problems[p];
    if (!mapped.infeasible.empty()) continue;
    std::string names;
    const model::Layer* layer = nullptr;
    for (const search::WorkloadLayer& user : report.result.layers) {
      if (user.problem != p) continue;
      names += (names.empty() ? "" : ", ") + node_of(report, user).name;
      if (layer == nullptr) layer = &*node_of(report, user).layer;
    }
    if (layer == nullptr) continue;
    text += "\n" + names + "\n" + loop_nest(mapped, *layer, report.accelerator);
  }
  return text;
}

}  // namespace

std::string evaluation_text(const EvaluationReport& report) {
  const std::string missing = missing_note(report.missing);
  return printable_lines(
      heading(report) + layer_table(report) + (missing.empty() ? "" : "\n" + missing + "\n") +
      limits_table(report) + trade_offs(report) + breakdown(report) +
      array_text(report.accelerator, report.result.total.macs, report.result.total.latency.total2,
                 report.result.total.energy) +
      loop_nests(report));
}

}  // namespace ridgeline::io
