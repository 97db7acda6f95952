#include "search/mapping/mapping_details.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include "model/core/index.hpp"

namespace ridgeline::search {
namespace {

using model::Detail;
using model::Direction;
using model::Problem;

const model::TransferDetail& link(const Detail& detail, const model::PortLink& function) {
  return detail.integer[function.operand][function.level][function.direction];
}

// Whether a link moves all of its data once, before or after the computation.
bool loads_at_once(const Problem& problem, const Detail& detail, const model::PortLink& function) {
  const auto direction = static_cast<Direction>(function.direction);
  if (problem.operand[function.operand].output &&
      (direction == Direction::rd_out_to_low || direction == Direction::wr_in_by_high)) {
    return false;
  }
  const model::TransferDetail& transfer = link(detail, function);
  return transfer.active && transfer.count == 1;
}

}  // namespace

double borrowed_cycles(const Problem& problem, const Detail& detail, const model::ProblemPort& port,
                       int function, double compute_cycles) {
  struct Entry {
    int function;
    double value;
    double floor;
    double borrowed;
  };
  std::array<Entry, model::kMaxLinks> entries;
  int count = 0;
  double busy = 0;
  for (int i = port.begin; i < port.end; ++i) {
    const model::PortLink& f = problem.link[z(i)];
    const bool output = problem.operand[f.operand].output;
    const auto direction = static_cast<Direction>(f.direction);
    if (output &&
        (direction == Direction::rd_out_to_low || direction == Direction::wr_in_by_high)) {
      continue;
    }
    const model::TransferDetail& d = link(detail, f);
    if (!d.active || d.count == 0) continue;
    if (d.count > 1) {
      busy += std::ceil(d.bandwidth / problem.cycles_per_operation);
      continue;
    }
    const model::OperandTiling& tiling = detail.tiling.operand[f.operand];
    const model::TilingVersion& version = tiling.version[problem.whole ? 0 : 1];
    const model::ProblemOperand& operand = problem.operand[f.operand];
    const bool partial = (version.partial_sums >> 1 & 1u) != 0;
    const double bits =
        version.elements[1] * (partial ? operand.precision : operand.final_precision);
    entries[z(count++)] = {i, d.real_cycles, std::ceil(bits / port.bandwidth_max), 0};
  }
  double surplus =
      std::max(0.0, ((port.bandwidth_max - busy) / port.bandwidth_max) * compute_cycles);
  if (surplus <= 0) return 0;
  std::stable_sort(entries.begin(), entries.begin() + count,
                   [](const Entry& a, const Entry& b) { return a.value > b.value; });
  const auto take = [&](int positions, double amount) {
    for (int j = 0; j < positions; ++j) {
      entries[z(j)].value -= amount;
      entries[z(j)].borrowed += amount;
    }
  };
  for (int i = 0; i < count; ++i) {
    const double delta = entries[z(i)].value - entries[z(i)].floor;
    const double cost = delta * (i + 1);
    if (surplus >= cost) {
      take(i + 1, delta);
      surplus -= cost;
    } else {
      take(i + 1, surplus / (i + 1));
      break;
    }
  }
  for (int i = 0; i < count; ++i) {
    if (entries[z(i)].function == function) return entries[z(i)].borrowed;
  }
  return 0;
}

MappingDetails mapping_details(const Problem& problem, const model::Hierarchy& hierarchy,
                               const Detail& detail, double compute_cycles) {
  MappingDetails details;
  details.drain = problem.drain;
  details.cycles_per_operation = problem.cycles_per_operation;
  details.bandwidth.resize(z(problem.operands));
  for (int o = 0; o < problem.operands; ++o) {
    for (int m = 0; m < problem.operand[z(o)].levels; ++m) {
      LevelBandwidth& level = details.bandwidth[z(o)].emplace_back();
      for (int d = 0; d < model::kDirections; ++d) {
        const model::TransferDetail& t = detail.integer[z(o)][z(m)][z(d)];
        if (!t.active || t.count == 0) continue;
        // The side towards the array moves between level m and what is below it, the other side
        // between m and what is above.
        const auto direction = static_cast<Direction>(d);
        const bool low =
            direction == Direction::rd_out_to_low || direction == Direction::wr_in_by_low;
        const double still = detail.tiling.operand[z(o)].top_irrelevant[z(low ? m : m + 1)];
        level.required[z(d)] = std::trunc(t.bandwidth * still);
      }
    }
  }
  int p = 0;
  for (const model::HierarchyMemory& memory : hierarchy.memories) {
    for (const model::HierarchyPort& port : memory.ports) {
      const model::ProblemPort& compiled = problem.port[z(p)];
      const model::PortDetail& found = detail.port[z(p)];
      details.ports.push_back({memory.memory, port.port, found.active ? found.stall : 0.0});
      // As in the reference, what an operand's level lends at a port is that of the last of its
      // links there which load all at once.
      for (int i = compiled.begin; i < compiled.end; ++i) {
        const model::PortLink& f = problem.link[z(i)];
        if (!loads_at_once(problem, detail, f)) continue;
        bool last = true;
        for (int k = i + 1; k < compiled.end; ++k) {
          const model::PortLink& other = problem.link[z(k)];
          if (other.operand == f.operand && other.level == f.level &&
              loads_at_once(problem, detail, other)) {
            last = false;
          }
        }
        if (!last) continue;
        const double cycles = borrowed_cycles(problem, detail, compiled, i, compute_cycles);
        if (cycles == 0) continue;
        details.bandwidth[f.operand][f.level].loading.push_back(
            std::ceil(cycles / compute_cycles * compiled.bandwidth_max));
      }
      ++p;
    }
  }
  return details;
}

namespace {

// The hierarchy that the layer was mapped on: all memories, or those that were kept.
model::Hierarchy hierarchy_of(const model::Accelerator& accelerator, const model::Layer& layer,
                              const model::MappingEntry& mapping, const LayerResult& found) {
  std::vector<std::vector<model::MemoryOperand>> kept(accelerator.memories.size());
  bool whole = true;
  for (std::size_t m = 0; m < kept.size(); ++m) {
    const std::vector<model::MemoryOperand>& stored = accelerator.memories[m].operands;
    // In the order in which locality lists them: inputs, then the output.
    for (const auto operand :
         {model::MemoryOperand::I1, model::MemoryOperand::I2, model::MemoryOperand::O}) {
      if (std::find(stored.begin(), stored.end(), operand) == stored.end()) continue;
      bool linked = false;
      bool used = false;
      for (const model::OperandFigures& figures : found.evaluation.operands) {
        const auto link = mapping.link(layer.operands[z(figures.operand)].name);
        if (!link || *link != operand) continue;
        linked = true;
        for (const model::LevelFigures& level : figures.levels) {
          used = used || level.memory == static_cast<int>(m);
        }
      }
      if (linked && !used) {
        whole = false;
      } else {
        kept[m].push_back(operand);
      }
    }
  }
  return whole ? model::build_hierarchy(accelerator) : model::build_hierarchy(accelerator, kept);
}

}  // namespace

MappingDetails mapping_details(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::MappingEntry& mapping, const LayerResult& found) {
  const model::Hierarchy hierarchy = hierarchy_of(accelerator, layer, mapping, found);
  const auto compiled = model::compile(layer, accelerator, hierarchy, mapping, found.spatial);
  const auto* problem = std::get_if<Problem>(&compiled);
  if (problem == nullptr) return {};
  model::Ordering ordering;
  for (const model::TemporalLoop& loop : found.temporal) ordering.push(loop.dim, loop.size);
  model::Cuts cuts;
  for (std::size_t o = 0; o < found.allocation.size(); ++o) {
    std::size_t end = 0;
    for (std::size_t m = 0; m < found.allocation[o].size(); ++m) {
      end += found.allocation[o][m].size();
      cuts.end[o][m] = static_cast<std::uint8_t>(end);
    }
  }
  Detail detail;
  const model::Evaluation evaluation = model::explain(*problem, ordering, cuts, &detail);
  const double latency = found.evaluation.cost.latency;
  if (evaluation.cost.latency != latency) {
    // It was found by the strict model.
    const auto strictly = model::compile(layer, accelerator, hierarchy, mapping, found.spatial,
                                         model::CostModel::strict);
    if (const auto* other = std::get_if<Problem>(&strictly)) {
      Detail strict_detail;
      const model::Evaluation again = model::explain(*other, ordering, cuts, &strict_detail);
      if (again.cost.latency == latency) {
        return mapping_details(*other, hierarchy, strict_detail, again.latency.total0);
      }
    }
  }
  return mapping_details(*problem, hierarchy, detail, evaluation.latency.total0);
}

}  // namespace ridgeline::search
