// The form of depth-first results that people read.
#include <cmath>
#include <cstdio>

#include "io/document/text_table.hpp"
#include "io/results/depth_first_writer.hpp"

namespace ridgeline::io {

namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string times(double other, double best) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", best > 0 ? other / best : 0.0);
  return text;
}

std::string memory_name(const DepthFirstReport& report, int memory) {
  if (memory < 0) return "-";
  return report.accelerator.memories[static_cast<std::size_t>(memory)].name;
}

std::string stack_table(const DepthFirstReport& report, const search::FusionPoint& best) {
  std::vector<std::vector<std::string>> rows{{"Stack", "Layers", "Tile", "Overlap", "Tiles",
                                              "Energy (uJ)", "of it copies", "Cycles", "Columns in",
                                              "Rows in", "Weights in"}};
  for (const search::FusedStack& stack : best.stacks) {
    int layers = 0;
    for (const model::FusedNode& node : stack.stack->network.nodes) layers += node.layer ? 1 : 0;
    const search::StackPlan& plan = stack.job.plan;
    const search::StackCost& cost = stack.job.cost;
    if (!cost.infeasible.empty()) {
      rows.push_back(
          {stack.name(), std::to_string(layers), "infeasible", "", "", "", "", "", "", "", ""});
      continue;
    }
    double tiles = 0;
    for (const search::TileKind& kind : plan.kinds) tiles += kind.count;
    rows.push_back({stack.name(), std::to_string(layers),
                    std::to_string(plan.tile_x) + " x " + std::to_string(plan.tile_y),
                    std::string(search::to_string(plan.overlap)), number(tiles),
                    number(cost.energy * 1e-6), number(cost.copy_energy * 1e-6),
                    number(cost.latency), memory_name(report, plan.levels.columns),
                    memory_name(report, plan.levels.rows),
                    memory_name(report, plan.levels.weights)});
  }
  return text_table(rows);
}

std::string comparison(const DepthFirstReport& report, const search::FusionPoint& best) {
  std::vector<std::vector<std::string>> rows{{"", "Energy (uJ)", "x", "Cycles", "x", "MACs"}};
  const auto add = [&](const char* name, const search::FusionPoint& point) {
    if (point.stacks.empty()) return;
    if (point.infeasible > 0) {
      rows.push_back({name, "infeasible", "", "", "", ""});
      return;
    }
    rows.push_back({name, number(point.energy * 1e-6), times(point.energy, best.energy),
                    number(point.latency), times(point.latency, best.latency), number(point.macs)});
  };
  if (best.infeasible > 0) {
    rows.push_back({"fused, as far as possible", number(best.energy * 1e-6), "",
                    number(best.latency), "", number(best.macs)});
  } else {
    add("fused", best);
  }
  add("layer by layer", report.result.layer_by_layer);
  add("single layers", report.result.single_layers);
  return text_table(rows);
}

std::string point_table(const search::FusionResult& result) {
  std::vector<std::vector<std::string>> rows{
      {"Tile", "Overlap", "Energy (uJ)", "Cycles", "Copies (uJ)", "MACs"}};
  for (const search::FusionPoint& point : result.points) {
    rows.push_back({std::to_string(point.tile.x) + " x " + std::to_string(point.tile.y),
                    std::string(search::to_string(*point.overlap)),
                    point.infeasible > 0 ? "infeasible" : number(point.energy * 1e-6),
                    number(point.latency), number(point.copy_energy * 1e-6), number(point.macs)});
  }
  return text_table(rows);
}

}  // namespace

std::string depth_first_text(const DepthFirstReport& report) {
  const search::FusionResult& result = report.result;
  const search::FusionPoint& best = result.points[result.best];
  std::string text = report.workload + " on " + report.accelerator.name + ", depth first\n";
  text += "objective " + std::string(model::to_string(report.options.mapper.objective)) +
          ", tile " + report.tile + ", overlap " + report.overlap + ", stacks " + report.stacks +
          (report.options.rules.defines ? ", semantics defines" : "") + "\n\n";
  if (result.points.size() > 1) text += point_table(result) + "\nBest of them:\n";
  text += stack_table(report, best) + "\n" + comparison(report, best) + "\n";
  text += "Energy  " + number(best.energy) + " pJ: multiply-accumulates " +
          number(best.mac_energy) + ", memories " + number(best.memory_energy) + ", copies " +
          number(best.copy_energy) + "\n";
  text += "Latency " + number(best.latency) + " cycles, of it copies " + number(best.copy_latency) +
          "\n";
  if (result.proven) {
    const char* tiles = report.tile == "all"      ? "every tile size"
                        : report.tile == "search" ? "the listed tile sizes"
                                                  : "the given tiles";
    text += std::string("Proven: no other way is better, over ") + tiles + ".\n";
  } else if (result.lower_bound > 0) {
    text += "Not proven: it costs at least " + number(result.lower_bound) + ".\n";
  }
  for (const search::FusedStack& stack : best.stacks) {
    if (stack.job.cost.infeasible.empty()) continue;
    text += "Not possible: " + stack.job.cost.infeasible + "\n";
  }
  for (const std::string& note : report.notes) text += "Note: " + note + "\n";
  return text;
}

}  // namespace ridgeline::io
