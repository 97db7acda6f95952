#include "search/allocation/offchip_bandwidth.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/index.hpp"
#include "search/mapping/mapping_details.hpp"

namespace ridgeline::search {
namespace {

using model::Detail;
using model::Direction;
using model::Problem;

int top_level(const Problem& problem, int o) {
  return problem.operand[z(o)].levels - 1;
}

int top_memory(const Problem& problem, int o) {
  return problem.operand[z(o)].memory[z(top_level(problem, o))];
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
