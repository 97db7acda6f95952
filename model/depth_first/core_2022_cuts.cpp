// The core model of 2022: which loops of an ordering stay in which memory.
#include <algorithm>
#include <cmath>

#include "model/depth_first/core_2022_moves.hpp"

namespace ridgeline::model {

namespace {

// Elements of an operand over loops of these sizes, each rounded up.
double tensor_elements(const Core2022& core, const Operand2022& operand,
                       const std::array<double, kMaxDims>& size) {
  double elements = 1;
  for (std::size_t d = 0; d < core.layer->dims.size(); ++d) {
    if (operand.relevant >> d & 1u) elements *= std::ceil(size[d]);
  }
  for (const int r : operand.relations) {
    const DimRelation& relation = core.layer->relations[z(r)];
    elements *= relation_extent(relation, std::ceil(size[z(relation.dim[0])]),
                                std::ceil(size[z(relation.dim[1])]));
  }
  return elements;
}

}  // namespace

bool allocate_2022(const Core2022& core, const Ordering& ordering, Cuts& cuts) {
  std::array<int, kMaxOperands> done{};  // loops that are allocated
  std::array<std::array<double, kMaxDims>, kMaxOperands> size;
  std::array<double, kMaxOperands> left;
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    size[o].fill(1);
    for (const SpatialPart2022& loop : core.operand[o].spatial[0].loops[0]) {
      size[o][z(loop.dim)] *= loop.factor;
    }
    left[o] = 1;
    for (int i = 0; i < ordering.count; ++i) left[o] *= ordering.size[z(i)];
  }
  struct Choice {
    int loops;
    double bits;
    double left;  // product of the loops beyond
  };
  for (const Memory2022& memory : core.memory) {
    std::array<std::vector<Choice>, kMaxOperands> choices;
    const std::size_t residents = memory.residents.size();
    for (std::size_t r = 0; r < residents; ++r) {
      const std::size_t o = memory.residents[r].operand;
      const Operand2022& operand = core.operand[o];
      double precision = operand.final_precision;
      if (operand.output) {
        for (int i = done[o]; i < ordering.count; ++i) {
          if (operand.irrelevant >> ordering.dim[z(i)] & 1u) precision = operand.precision;
        }
      }
      std::array<double, kMaxDims> reached = size[o];
      double rest = left[o];
      for (int i = done[o];; ++i) {
        const double bits = tensor_elements(core, operand, reached) * precision;
        if (bits > memory.size) break;
        choices[r].push_back({i - done[o], bits, rest});
        if (i == ordering.count) break;
        reached[ordering.dim[z(i)]] *= ordering.size[z(i)];
        rest /= ordering.size[z(i)];
      }
      if (choices[r].empty()) return false;
      if (memory.residents[r].level + 1 == operand.levels) {
        if (done[o] + choices[r].back().loops < ordering.count) return false;
        choices[r] = {{choices[r].back().loops, choices[r].back().bits, 0}};
      }
    }
    // The last resident's choice runs fastest; of equals the last one wins.
    std::array<std::size_t, kMaxOperands> place{};
    std::array<std::size_t, kMaxOperands> best{};
    double least = 0;
    bool any = false;
    for (bool more = true; more;) {
      double bits = 0;
      double cost = 0;
      for (std::size_t r = 0; r < residents; ++r) {
        const Choice& one = choices[r][place[r]];
        bits += one.bits;
        cost += one.left * one.bits;
      }
      if (bits <= memory.size && (!any || cost <= least)) {
        any = true;
        least = cost;
        best = place;
      }
      more = false;
      for (std::size_t r = residents; r-- > 0;) {
        if (++place[r] < choices[r].size()) {
          more = true;
          break;
        }
        place[r] = 0;
      }
    }
    for (std::size_t r = 0; r < residents; ++r) {
      const std::size_t o = memory.residents[r].operand;
      const std::size_t level = memory.residents[r].level;
      const Operand2022& operand = core.operand[o];
      const int taken = any ? choices[r][best[r]].loops : 0;
      if (level + 1 == z(operand.levels) && done[o] + taken < ordering.count) return false;
      for (int i = done[o]; i < done[o] + taken; ++i) {
        size[o][ordering.dim[z(i)]] *= ordering.size[z(i)];
        left[o] /= ordering.size[z(i)];
      }
      done[o] += taken;
      cuts.end[o][level] = static_cast<std::uint8_t>(done[o]);
      for (const SpatialPart2022& loop : operand.spatial[0].loops[level + 1]) {
        size[o][z(loop.dim)] *= loop.factor;
      }
    }
  }
  return true;
}

}  // namespace ridgeline::model
