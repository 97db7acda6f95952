#include "search/exact/strict_polish.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>

#include "model/core/index.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

using model::Cost;
using model::StrictCut;
using model::StrictSums;

StrictPolish::StrictPolish(const StrictLattice& lattice, Objective objective, Watch& watch)
    : lattice_(lattice),
      problem_(lattice.problem()),
      objective_(objective),
      watch_(watch),
      moves_(lattice),
      outputs_(lattice) {
  const auto all = lattice_.inside(lattice_.full());
  for (int o = 0; o < problem_.operands; ++o) {
    parts_.top[z(o)] = model::largest_tile(problem_, o, problem_.operand[z(o)].levels - 1, all);
  }
}

void StrictPolish::sink(PlacedCuts& cuts) const {
  for (std::int64_t mark = 0; mark < lattice_.full();) {
    // The loops up to the next cut.
    std::int64_t next = lattice_.full();
    std::uint8_t needed = 0;  // operands that have to depend on the first of them
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < lattice_.cuts_of(o); ++a) {
        const std::int64_t node = cuts[z(o)][z(a)];
        if (node > mark) next = std::min(next, node);
        if (node == mark && lattice_.sinks(o, a)) {
          needed = static_cast<std::uint8_t>(needed | 1u << o);
        }
      }
    }
    std::uint8_t unmet = needed;
    bool some = false;
    for (const FactorType& type : lattice_.types()) {
      if (lattice_.count_in(next, type) == lattice_.count_in(mark, type)) continue;
      unmet = static_cast<std::uint8_t>(unmet & type.irrelevant_to);
      some = some || (type.irrelevant_to & needed) == 0;
    }
    if (some || needed == 0) {
      mark = next;
      continue;
    }
    // The first of those that depend on none of them, or else on not all.
    int o = 0;
    std::int64_t there = mark;
    const std::uint8_t chosen = unmet != 0 ? unmet : needed;
    for (;; ++o) {
      if (!(chosen >> o & 1u)) continue;
      for (const FactorType& type : lattice_.types()) {
        if (!(type.irrelevant_to >> o & 1u)) continue;
        there += type.stride * (lattice_.count_in(next, type) - lattice_.count_in(mark, type));
      }
      if (there > mark) break;
    }
    for (int a = 0; a < lattice_.cuts_of(o); ++a) {
      if (cuts[z(o)][z(a)] == mark && lattice_.sinks(o, a)) cuts[z(o)][z(a)] = there;
    }
  }
}

bool StrictPolish::fits() const {
  std::array<double, model::kMaxMemories> used{};
  for (int o = 0; o < problem_.operands; ++o) {
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    for (int m = 0; m < operand.levels; ++m) {
      const bool top = m + 1 == operand.levels;
      const double elements = top ? parts_.top[z(o)] : parts_.cut[z(o)][z(m + 1)].largest;
      const bool adds = (parts_.stay >> m & 1u) != 0;
      const int memory = operand.memory[z(m)];
      used[z(memory)] += model::taken_bits(problem_, o, m, elements, adds);
      if (used[z(memory)] > problem_.memory[z(memory)].size) return false;
    }
  }
  return true;
}

Cost StrictPolish::estimate(const PlacedCuts& cuts) {
  const double infinity = std::numeric_limits<double>::infinity();
  StrictSums sums = lattice_.whole();
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = lattice_.cuts_of(o) - 1; a >= 0; --a) {
      const std::int64_t node = cuts[z(o)][z(a)];
      if (!lattice_.may_lie(o, a, node)) return {infinity, infinity};
      const StrictCut& cut = o == 0 ? outputs_.at(a, node, sums) : lattice_.cut(o, a, node);
      if (!cut.served) return {infinity, infinity};
      parts_.cut[z(o)][z(a)] = cut;
      if (o > 0) continue;
      const std::uint32_t stay = sums.stay | cut.sums.stay;
      sums = cut.sums;
      sums.stay = stay;
    }
  }
  parts_.stay = sums.stay;
  if (!fits()) return {infinity, infinity};
  return model::estimate_strict(problem_, parts_);
}

double StrictPolish::value_of(const PlacedCuts& cuts) {
  PlacedCuts sunk = cuts;
  sink(sunk);
  const Cost cost = estimate(sunk);
  if (!std::isfinite(cost.energy)) return CutMoves<StrictLattice>::kNever;
  return std::log(std::max(1e-300, objective_value(objective_, cost)));
}

std::int64_t StrictPolish::anneal(const PlacedCuts& from, std::int64_t changes,
                                  const Attempt& attempt) {
  RandomStream random(0, 0, 0, rounds_++);
  std::int64_t looked = 0;
  std::deque<PlacedCuts> lowest;  // the last ones
  const auto found = [&](const PlacedCuts& cuts, double) {
    lowest.push_front(cuts);
    if (lowest.size() > kTried) lowest.pop_back();
    return true;
  };
  const auto counted = [&](const PlacedCuts& cuts) {
    ++looked;
    return value_of(cuts);
  };
  // The smallest tiles fit where any do.
  const bool fits = value_of(from) < CutMoves<StrictLattice>::kNever;
  const PlacedCuts start = fits ? from : PlacedCuts{};
  lowest.push_front(start);
  moves_.anneal(start, changes, random, counted, found, [&] { return watch_.stopped_now(); });
  for (PlacedCuts& cuts : lowest) {
    sink(cuts);
    attempt(cuts);
  }
  return looked;
}

}  // namespace ridgeline::search
