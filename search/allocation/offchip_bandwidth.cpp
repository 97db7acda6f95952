#include "search/allocation/offchip_bandwidth.hpp"

#include <algorithm>
#include <cmath>

namespace ridgeline::search {
namespace {

using model::Detail;
using model::Direction;
using model::Problem;

std::size_t z(int i) {
  return static_cast<std::size_t>(i);
}

int top_level(const Problem& problem, int o) {
  return problem.operand[z(o)].levels - 1;
}

int top_memory(const Problem& problem, int o) {
  return problem.operand[z(o)].memory[z(top_level(problem, o))];
}

const model::TransferDetail& link(const Detail& detail, const model::PortLink& function) {
  return detail.integer[function.operand][function.level][function.direction];
}

// Cycles that loading through `function` of a port gives up to the computation phase, added up
// step by step as levelling takes them (docs/model.md, 6.6 and 6.7); 0 where it is not loaded
// all at once.
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

// Bandwidth borrowed for loading operand `o` through the ports of its top memory.
double loading_bandwidth(const Problem& problem, const Detail& detail, int o, double scale,
                         double compute_cycles) {
  const Direction wanted =
      problem.operand[z(o)].output ? Direction::wr_in_by_low : Direction::rd_out_to_low;
  double sum = 0;
  for (int p = 0; p < problem.ports; ++p) {
    const model::ProblemPort& port = problem.port[z(p)];
    if (port.memory != top_memory(problem, o)) continue;
    for (int i = port.begin; i < port.end; ++i) {
      const model::PortLink& f = problem.link[z(i)];
      if (f.operand != o || f.level != top_level(problem, o) ||
          static_cast<Direction>(f.direction) != wanted) {
        continue;
      }
      const double cycles = borrowed_cycles(problem, detail, port, i, compute_cycles);
      const double load = std::ceil(cycles / compute_cycles * port.bandwidth_max);
      sum += std::ceil(load * scale);
    }
  }
  return sum;
}

}  // namespace

double TopBandwidth::total() const {
  double sum = loading;
  for (const double s : steady) sum += s;
  return sum;
}

TopBandwidth top_bandwidth(const Problem& problem, const Detail& detail, int o, double scale,
                           double compute_cycles) {
  TopBandwidth result;
  const int m = top_level(problem, o);
  for (int d = 0; d < model::kDirections; ++d) {
    const model::TransferDetail& t = detail.integer[z(o)][z(m)][z(d)];
    const auto direction = static_cast<Direction>(d);
    if (direction != Direction::rd_out_to_low && direction != Direction::wr_in_by_low) continue;
    if (!t.active || t.count == 0) continue;
    const double required =
        std::trunc(t.bandwidth * detail.tiling.operand[z(o)].top_irrelevant[z(m)]);
    result.steady[z(d)] = std::ceil(required * scale / problem.cycles_per_operation);
  }
  result.loading = loading_bandwidth(problem, detail, o, scale, compute_cycles);
  return result;
}

bool loading_is_hidden(const Problem& problem, int o) {
  const model::ProblemMemory& memory = problem.memory[z(top_memory(problem, o))];
  for (int i = 0; i < memory.count; ++i) {
    if (problem.operand[memory.residents[z(i)].operand].output) return true;
  }
  return false;
}

double oversubscription(const Problem& problem, const Detail& detail,
                        const std::array<int, model::kMemoryOperands>& order, int slices,
                        double compute_cycles) {
  int deepest = 0;
  for (int o = 0; o < problem.operands; ++o) {
    deepest = std::max(deepest, problem.operand[z(o)].levels);
  }
  double sum = 0;
  double width = 0;
  bool broadcast = false;  // one input is read once for all slices
  int streams = 0;
  for (const int o : order) streams += o >= 0 && problem.operand[z(o)].levels == deepest;
  for (const int o : order) {
    if (o < 0 || problem.operand[z(o)].levels != deepest) continue;
    if (width == 0) {
      for (int p = 0; p < problem.ports; ++p) {
        if (problem.port[z(p)].memory == top_memory(problem, o)) {
          width = std::max(width, problem.port[z(p)].bandwidth_max);
        }
      }
    }
    const double one = top_bandwidth(problem, detail, o, 1, compute_cycles).total();
    const bool once = streams > 1 && !broadcast && !problem.operand[z(o)].output;
    broadcast = broadcast || once;
    sum += once ? one : slices * one;
  }
  return std::ceil(sum / width);
}

}  // namespace ridgeline::search
