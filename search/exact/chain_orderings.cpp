#include "search/exact/chain_orderings.hpp"

#include <algorithm>
#include <cmath>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

double most_bits(const Cut& cut, std::int64_t node) {
  return cut.bits_most[cut.at(node)];
}

}  // namespace

ChainOrderings::ChainOrderings(const CutLattice& space, bool even) : space_(space), even_(even) {
  loops_in_.assign(z(space.nodes()), 0);
  for (std::int64_t x = 0; x < space.nodes(); ++x) {
    for (int t = 0; t < space.type_count(); ++t) loops_in_[z(x)] += space.count_in(x, t);
  }
  const model::Problem& p = space.problem();
  for (int m = 0; m < p.memories; ++m) {
    const model::ProblemMemory& memory = p.memory[z(m)];
    double bits = 0;
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      if (level + 1 == p.operand[z(o)].levels) {
        bits += tile_bits(o, level, space.full(), space.full());
      }
    }
    if (bits > memory.size) top_fits_ = false;
  }
}

// The allocator sizes the output at partial-sum precision while any loop that is irrelevant
// to it lies above the level's lower end.
double ChainOrderings::tile_bits(int operand, int level, std::int64_t node,
                                 std::int64_t previous) const {
  const model::ProblemOperand& o = space_.problem().operand[z(operand)];
  const bool partial =
      o.output && (o.real.irrelevant_from[z(level + 1)] || !space_.reduced(previous));
  if (level + 1 < o.levels) {
    const Cut& cut = space_.cut_above(operand, level);
    return (partial ? cut.bits_partial : cut.bits_final)[cut.at(node)];
  }
  return space_.top_elements(operand) * (partial ? o.precision : o.final_precision);
}

double ChainOrderings::top_bits(int operand, std::int64_t node) const {
  const int level = space_.problem().operand[z(operand)].levels - 1;
  return tile_bits(operand, level, space_.full(), level == 0 ? 0 : node);
}

double ChainOrderings::most_top_bits(int operand) const {
  const model::ProblemOperand& o = space_.problem().operand[z(operand)];
  return (space_.top_elements(operand) + (o.real.whole ? 0 : 1)) *
         std::max(o.precision, o.final_precision);
}

std::int64_t ChainOrderings::level_start(int operand, int level, const PlacedCuts& placed) const {
  if (level == 0) return 0;
  return placed[z(operand)][z(operand == 0 ? level - 1 : level)];
}

std::int64_t ChainOrderings::level_end(int operand, int level, const PlacedCuts& placed) const {
  if (level + 1 == space_.problem().operand[z(operand)].levels) return space_.full();
  return placed[z(operand)][z(operand == 0 ? level : level + 1)];
}

bool ChainOrderings::memories_fit(const PlacedCuts& placed) const {
  const model::Problem& p = space_.problem();
  for (int m = 0; m < p.memories; ++m) {
    const model::ProblemMemory& memory = p.memory[z(m)];
    double bits = 0;
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      bits += tile_bits(o, level, level_end(o, level, placed), level_start(o, level, placed));
    }
    if (bits > memory.size) return false;
  }
  return true;
}

// Whether cuts that have sunk to these nodes can have been placed evenly: residents of a
// memory that receive loops there end at one loop, and none of the others ends below it.
bool ChainOrderings::ends_evenly(const PlacedCuts& placed) const {
  const model::Problem& p = space_.problem();
  const auto irrelevant_between = [&](int operand, std::int64_t from, std::int64_t to) {
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(to, t) > space_.count_in(from, t) &&
          !(space_.type(t).irrelevant_to >> operand & 1u)) {
        return false;
      }
    }
    return true;
  };
  for (int m = 0; m < p.memories; ++m) {
    const model::ProblemMemory& memory = p.memory[z(m)];
    if (memory.count < 2) continue;
    std::int64_t lowest = space_.full();
    for (int i = 0; i < memory.count; ++i) {
      const std::int64_t end =
          level_end(memory.residents[z(i)].operand, memory.residents[z(i)].level, placed);
      if (space_.cycles(end) < space_.cycles(lowest)) lowest = end;
    }
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      const std::int64_t end = level_end(o, level, placed);
      if (end == lowest || end == level_start(o, level, placed)) continue;
      if (level + 1 == p.operand[z(o)].levels || !irrelevant_between(o, lowest, end)) return false;
    }
  }
  return true;
}

// Levels whose outermost run of loops can matter: those in memories that are more than half
// full when nothing is known of the runs.
void ChainOrderings::find_runs(const PlacedCuts& placed) {
  const model::Problem& p = space_.problem();
  runs_.clear();
  for (int m = 0; m < p.memories; ++m) {
    const model::ProblemMemory& memory = p.memory[z(m)];
    double bits = 0;
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      bits += level + 1 < p.operand[z(o)].levels
                  ? most_bits(space_.cut_above(o, level), level_end(o, level, placed))
                  : most_top_bits(o);
    }
    if (bits <= 0.5 * memory.size) continue;
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      const std::int64_t start = level_start(o, level, placed);
      const std::int64_t end = level_end(o, level, placed);
      if (start == end) continue;
      // Loops of one class only make one run, whatever their order.
      bool irrelevant_only = true;
      for (int t = 0; t < space_.type_count(); ++t) {
        if (space_.count_in(end, t) > space_.count_in(start, t) &&
            !(space_.type(t).irrelevant_to >> o & 1u)) {
          irrelevant_only = false;
        }
      }
      if (!irrelevant_only) runs_.push_back({o, start, end, RunState::waiting});
    }
  }
}

void ChainOrderings::expand(const std::vector<ChainMark>& chain, const PlacedCuts& placed,
                            const Visit& visit) {
  if (!memories_fit(placed)) return;
  if (even_ && !ends_evenly(placed)) return;
  chain_ = chain;
  placed_ = &placed;
  find_runs(placed);
  order_.clear();
  ended_at_.assign(runs_.size(), 0);
  stopped_ = false;
  segment(static_cast<int>(chain_.size()), runs_, visit);
}

// Orders the loops between mark `index - 1` and mark `index` (the last: all of them), from the
// outermost inwards.
void ChainOrderings::segment(int index, std::vector<Run> runs, const Visit& visit) {
  if (index < 0) {
    finish(visit);
    return;
  }
  const bool last = index == static_cast<int>(chain_.size());
  const std::int64_t end = last ? space_.full() : chain_[z(index)].node;
  const std::int64_t start = index == 0 ? 0 : chain_[z(index - 1)].node;
  for (Run& run : runs) {
    if (run.state == RunState::waiting && run.end == end) run.state = RunState::fresh;
  }
  std::set<std::vector<std::uint64_t>> seen;
  place(index, start, end - start, runs, seen, visit);
}

void ChainOrderings::place(int index, std::int64_t start, std::int64_t left, std::vector<Run>& runs,
                           std::set<std::vector<std::uint64_t>>& seen, const Visit& visit) {
  bool active = false;
  for (const Run& run : runs) {
    active = active || run.state == RunState::fresh || run.state == RunState::relevant ||
             run.state == RunState::irrelevant;
  }
  const std::uint8_t must_not = index == 0 ? 0 : chain_[z(index - 1)].must_not;
  if (!active || left == 0) {
    const std::size_t before = order_.size();
    // Without loops in the segment there is nothing that may not come first.
    bool valid = true;
    if (left != 0) {
      valid = fill(start, left, must_not);
    } else if (!order_.empty() && must_not != 0) {
      const std::int64_t end =
          index == static_cast<int>(chain_.size()) ? space_.full() : chain_[z(index)].node;
      if (end != start) valid = !(space_.type(order_.back()).irrelevant_to & must_not);
    }
    if (valid) {
      std::vector<Run> next = runs;
      for (Run& run : next) {
        if (run.start == start && run.state != RunState::waiting) run.state = RunState::ended;
      }
      segment(index - 1, std::move(next), visit);
    }
    order_.resize(before);
    return;
  }
  for (int t = 0; t < space_.type_count() && !stopped_; ++t) {
    const FactorType& type = space_.type(t);
    if (left / type.stride % (type.count + 1) == 0) continue;
    std::vector<Run> next = runs;
    for (Run& run : next) {
      const model::ProblemOperand& operand = space_.problem().operand[z(run.operand)];
      if (run.state == RunState::waiting || run.state == RunState::ended) continue;
      const bool relevant = (operand.relevant >> type.dim & 1u) != 0;
      const bool irrelevant = (operand.irrelevant >> type.dim & 1u) != 0;
      if (run.state == RunState::fresh) {
        run.state = relevant     ? RunState::relevant
                    : irrelevant ? RunState::irrelevant
                                 : RunState::ended;
      } else if ((run.state == RunState::relevant && !relevant) ||
                 (run.state == RunState::irrelevant && !irrelevant)) {
        run.state = RunState::ended;
      }
    }
    // What was placed while a run goes on is known from what is left, so equal states with
    // equally much left stand for the same runs; ended runs carry what ended them with.
    std::vector<std::uint64_t> next_key{static_cast<std::uint64_t>(left - type.stride)};
    for (std::size_t r = 0; r < next.size(); ++r) {
      std::uint64_t part = static_cast<std::uint64_t>(next[r].state);
      if (next[r].state == RunState::ended) {
        if (runs[r].state == RunState::ended) {
          part = ended_at_[r];
        } else {
          part = 8 + static_cast<std::uint64_t>(runs[r].state) +
                 8 * static_cast<std::uint64_t>(left) + (static_cast<std::uint64_t>(index) << 56);
        }
      }
      next_key.push_back(part);
    }
    if (!seen.insert(next_key).second) continue;
    const std::vector<std::uint64_t> before = ended_at_;
    for (std::size_t r = 0; r < next.size(); ++r) {
      if (next[r].state == RunState::ended) ended_at_[r] = next_key[r + 1];
    }
    order_.push_back(t);
    place(index, start, left - type.stride, next, seen, visit);
    order_.pop_back();
    ended_at_ = before;
  }
}

// Puts what is left of a segment in any order whose first loop may come first.
bool ChainOrderings::fill(std::int64_t start, std::int64_t left, std::uint8_t must_not) {
  (void)start;
  int first = -1;
  for (int t = 0; t < space_.type_count(); ++t) {
    const FactorType& type = space_.type(t);
    if (left / type.stride % (type.count + 1) > 0 && !(type.irrelevant_to & must_not)) first = t;
  }
  if (first < 0) return false;
  for (int t = 0; t < space_.type_count(); ++t) {
    const FactorType& type = space_.type(t);
    std::int64_t count = left / type.stride % (type.count + 1);
    if (t == first) --count;
    for (std::int64_t i = 0; i < count; ++i) order_.push_back(t);
  }
  order_.push_back(first);
  return true;
}

void ChainOrderings::finish(const Visit& visit) {
  model::Ordering ordering;
  for (std::size_t i = order_.size(); i-- > 0;) {
    ordering.push(space_.type(order_[i]).dim, space_.type(order_[i]).prime);
  }
  if (ordering.count == 0) ordering.push(0, 1);
  model::Cuts cuts;
  const model::Problem& p = space_.problem();
  for (int o = 0; o < p.operands; ++o) {
    for (int m = 0; m < p.operand[z(o)].levels; ++m) {
      const std::int64_t end = level_end(o, m, *placed_);
      cuts.end[z(o)][z(m)] =
          static_cast<std::uint8_t>(end == space_.full() ? ordering.count : loops_in_[z(end)]);
    }
  }
  if (!visit(ordering, cuts)) stopped_ = true;
}

}  // namespace ridgeline::search
