// Tables over nodes and states: which cells there are, and the least sums of the cuts left.
#include <algorithm>
#include <map>
#include <tuple>

#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/table_rows.hpp"

namespace ridgeline::search {

// Moves of the same cut with the same conditions have a mask in common.
void ExactBounds::build_masks() {
  std::map<std::tuple<int, bool, std::uint8_t>, int> known;
  for (Move& move : moves_) {
    if (!move.reduced && move.growth == 0) continue;
    const auto [place, inserted] =
        known.try_emplace({move.growth == 0 ? -1 : move.cut, move.reduced, move.growth},
                          static_cast<int>(masks_.size()));
    move.mask = place->second;
    if (!inserted) continue;
    std::vector<double>& mask = masks_.emplace_back(z(space_.nodes()), 0.0);
    for (std::int64_t x = 0; x < space_.nodes(); ++x) {
      const bool grows = move.growth != 0 && grows_[z(move.cut)][z(x)] != 0;
      if ((move.reduced && !space_.reduced(x)) ||
          (move.growth != 0 && grows != (move.growth == 2))) {
        mask[z(x)] = CutLattice::kInfeasible;
      }
    }
  }
}

// The least bits of a cut's tile wherever it may lie at a node or above, of all nodes of a block.
std::vector<double> ExactBounds::least_bits_of_blocks(const Cut& cut) const {
  const std::int64_t nodes = space_.nodes();
  std::vector<double> bits(z(nodes));
  for (std::int64_t x = nodes - 1; x >= 0; --x) {
    const bool open = cut.energy[cut.at(x)] < CutLattice::kInfeasible && !surely_too_large(cut, x);
    bits[z(x)] = open ? least_bits(cut, x) : CutLattice::kInfeasible;
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(x, t) == space_.type(t).count) continue;
      bits[z(x)] = std::min(bits[z(x)], bits[z(x + space_.type(t).stride)]);
    }
  }
  std::vector<double> blocks(z(blocks_), CutLattice::kInfeasible);
  for (std::int64_t x = 0; x < nodes; ++x) {
    double& block = blocks[z(space_.orbit(x) >> shift_)];
    block = std::min(block, bits[z(x)]);
  }
  return blocks;
}

// Where a state has cuts placed, only nodes below places where these may lie are ever reached, and
// only if their tiles fit the memories that they share.
void ExactBounds::place_cells() {
  const std::int64_t nodes = space_.nodes();
  const model::Problem& p = space_.problem();
  if (!space_.sparse()) {
    for (int q = 0; q < states_; ++q) base_.push_back(static_cast<std::int32_t>(q * nodes));
    cells_ = nodes * states_;
    return;
  }
  shift_ = NodeBlocks::kShift;
  blocks_ = (space_.orbits() + NodeBlocks::kSize - 1) >> shift_;
  base_.assign(z(states_ * blocks_), 0);
  const std::int64_t node_blocks = (nodes + NodeBlocks::kSize - 1) >> NodeBlocks::kShift;
  reached_.assign(z(states_ * node_blocks), 0);
  cells_ = NodeBlocks::kSize;
  std::vector<std::vector<double>> bits;
  for (int c = 0; c < space_.cut_count(); ++c) {
    const bool alone = space_.cut(c).stationary || p.memory[z(space_.cut(c).memory)].count < 2;
    bits.push_back(alone ? std::vector<double>{} : least_bits_of_blocks(space_.cut(c)));
  }
  std::vector<std::uint8_t> reduced(z(blocks_), 0);
  for (std::int64_t x = 0; x < nodes; ++x) {
    if (space_.reduced(x)) reduced[z(space_.orbit(x) >> shift_)] = 1;
  }
  // Blocks of nodes with the blocks of orbits in which these are.
  std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::int64_t x = 0; x < nodes; ++x) {
    const std::pair<std::int64_t, std::int64_t> blocks(x >> shift_, space_.orbit(x) >> shift_);
    if (seen.empty() || seen.back() != blocks) seen.push_back(blocks);
  }
  constexpr double kSlack = 1 + 1e-9;  // bits add up in another order elsewhere
  for (int q = 0; q < states_; ++q) {
    // Cuts whose tiles lie in each shared memory.
    std::vector<std::pair<int, std::vector<int>>> sharing;
    for (const int m : space_.shared_memories()) {
      auto& [memory, cuts] = sharing.emplace_back(m, std::vector<int>{});
      for (int i = 0; i < p.memory[z(m)].count; ++i) {
        const model::MemoryResident& one = p.memory[z(m)].residents[z(i)];
        const int cut = one.operand == 0 ? one.level : one.level + 1;
        if (one.level + 1 == p.operand[one.operand].levels || left(q, one.operand) > cut) continue;
        cuts.push_back(space_.first_cut(one.operand) + cut);
      }
    }
    for (std::int64_t b = 0; b < blocks_; ++b) {
      const std::int64_t first = b << shift_;
      bool reached = reduced[z(b)] != 0 || !must_be_reduced(q);
      for (int o = 0; o < p.operands; ++o) {
        reached = reached && space_.reach(o, left(q, o)).has_block(b);
      }
      for (const auto& [m, cuts] : sharing) {
        double used = space_.fixed_bits(m);
        for (const int c : cuts) used += bits[z(c)][z(b)];
        reached = reached && used <= p.memory[z(m)].size * kSlack;
      }
      base_[z(q * blocks_ + b)] = static_cast<std::int32_t>((reached ? cells_ : 0) - first);
      if (reached) cells_ += NodeBlocks::kSize;
    }
    for (const auto& [block, orbits] : seen) {
      if (block_cell(q, orbits) >= NodeBlocks::kSize) reached_[z(q * node_blocks + block)] = 1;
    }
  }
}

// State by state, so that the loops run over the nodes: what a state costs with its next cut at a
// node, then the least of all nodes below, one type of factor after the other.
bool ExactBounds::fill_table(const double* cost, double* table, Watch& watch) const {
  const std::int64_t nodes = space_.nodes();
  const bool sparse = space_.sparse();
  std::vector<double> row(sparse ? z(nodes) : 0);
  if (sparse) {
    std::fill(table, table + cells_, CutLattice::kInfeasible);
    for (std::int64_t x = 0; x < nodes; ++x) {
      const std::int64_t at = cell(x, 0);
      if (at >= NodeBlocks::kSize) table[at] = 0;
    }
  } else {
    std::fill(table, table + nodes, 0.0);
    std::fill(table + nodes, table + nodes * states_, CutLattice::kInfeasible);
  }
  for (std::size_t i = 0; i < moves_.size();) {
    const int to = moves_[i].to;
    double* here = table + to * nodes;
    if (sparse) {
      std::fill(row.begin(), row.end(), CutLattice::kInfeasible);
      here = row.data();
    }
    if (sparse) {
      fill_state_sparsely(cost, table, i, here);
    } else {
      fill_state(cost, table, i, here);
    }
    if (sparse) {
      sweep(to, here);
    } else {
      sweep_all(here);
    }
    for (std::int64_t b = 0; sparse && b < blocks_; ++b) {
      const std::int64_t at = block_cell(to, b);
      if (at < NodeBlocks::kSize) continue;
      const std::int64_t first = b << shift_;
      const std::int64_t end = std::min(first + NodeBlocks::kSize, space_.orbits());
      for (std::int64_t u = first; u < end; ++u) {
        table[at + u - first] = here[space_.pairs() != nullptr ? space_.pairs()->first[z(u)] : u];
      }
    }
    if (watch.stopped(static_cast<int>(std::min<std::int64_t>(nodes, 1 << 20)))) return false;
  }
  return true;
}

namespace {

// Nodes that fit the processor's nearest cache, with room to spare.
constexpr std::int64_t kTile = 2048;
// Of fewer nodes that lie together each is followed on its own.
constexpr std::int64_t kShortRun = 8;

// The least of each node and those with fewer factors of a type, in so many nodes.
void sweep_type(double* row, std::int64_t nodes, std::int64_t stride, std::int64_t steps) {
  const std::int64_t group = stride * (steps + 1);
  if (stride < kShortRun) {
    for (std::int64_t base = 0; base < nodes; base += group) {
      for (std::int64_t j = 0; j < stride; ++j) {
        double* at = row + base + j;
        double least = *at;
        for (std::int64_t k = 0; k < steps; ++k) {
          at += stride;
          least = *at < least ? *at : least;
          *at = least;
        }
      }
    }
    return;
  }
  const auto least = table_rows().least;
  for (std::int64_t base = 0; base < nodes; base += group) {
    for (std::int64_t k = 1; k <= steps; ++k) {
      double* now = row + base + k * stride;
      least(now, now - stride, stride);
    }
  }
}

}  // namespace

// The least of all nodes at a node or below, one type of factor after the other: those first whose
// nodes lie near each other, a tile at a time.
void ExactBounds::sweep_all(double* row) const {
  std::int64_t tile = 1;
  int near = 0;
  for (; near < space_.type_count(); ++near) {
    const std::int64_t next = tile * (space_.type(near).count + 1);
    if (next > kTile) break;
    tile = next;
  }
  for (std::int64_t base = 0; base < space_.nodes(); base += tile) {
    for (int t = 0; t < near; ++t) {
      sweep_type(row + base, tile, space_.type(t).stride, space_.type(t).count);
    }
  }
  for (int t = near; t < space_.type_count(); ++t) {
    sweep_type(row, space_.nodes(), space_.type(t).stride, space_.type(t).count);
  }
}

// The same where only nodes that a state reaches matter. Below these are others that it reaches, or
// such from which nothing is feasible.
void ExactBounds::sweep(int state, double* row) const {
  const std::int64_t nodes = space_.nodes();
  const std::int64_t blocks = (nodes + NodeBlocks::kSize - 1) >> NodeBlocks::kShift;
  const std::uint8_t* reached = reached_.data() + state * blocks;
  const auto none_reached = [&](std::int64_t begin, std::int64_t end) {
    const std::uint8_t* last = reached + ((end - 1) >> NodeBlocks::kShift) + 1;
    return std::find(reached + (begin >> NodeBlocks::kShift), last, 1) == last;
  };
  const auto least = table_rows().least;
  for (int t = 0; t < space_.type_count(); ++t) {
    const std::int64_t stride = space_.type(t).stride;
    const std::int64_t steps = space_.type(t).count;
    const std::int64_t group = stride * (steps + 1);
    for (std::int64_t base = 0; base < nodes; base += group) {
      if (stride < NodeBlocks::kSize) {
        if (!none_reached(base, base + group)) sweep_type(row + base, group, stride, steps);
        continue;
      }
      for (std::int64_t begin = base + stride; begin < base + group; begin += stride) {
        const std::int64_t end = begin + stride;
        // Runs of blocks that follow each other.
        const std::uint8_t* const last = reached + ((end - 1) >> NodeBlocks::kShift) + 1;
        const std::uint8_t* run = reached + (begin >> NodeBlocks::kShift);
        while ((run = std::find(run, last, 1)) != last) {
          const std::uint8_t* const run_end = std::find(run, last, 0);
          const std::int64_t first = std::max((run - reached) << NodeBlocks::kShift, begin);
          least(row + first, row + first - stride,
                std::min((run_end - reached) << NodeBlocks::kShift, end) - first);
          run = run_end;
        }
      }
    }
  }
}

// What the state costs to which the moves from `i` on lead, with its next cut at a node; ends with
// the first move of the next state.
void ExactBounds::fill_state(const double* cost, const double* table, std::size_t& i,
                             double* here) const {
  const std::int64_t nodes = space_.nodes();
  const int to = moves_[i].to;
  for (; i < moves_.size() && moves_[i].to == to; ++i) {
    const double* from = table + moves_[i].from * nodes;
    const double* price = cost + moves_[i].cut * nodes;
    const double* mask = moves_[i].mask < 0 ? nullptr : masks_[z(moves_[i].mask)].data();
    table_rows().least_sums(here, from, price, mask, nodes);
  }
}

// The same where only what can be reached is kept.
void ExactBounds::fill_state_sparsely(const double* cost, const double* table, std::size_t& i,
                                      double* here) const {
  const int to = moves_[i].to;
  const NodeOrbits* pairs = space_.pairs();
  for (; i < moves_.size() && moves_[i].to == to; ++i) {
    const double* price = cost + moves_[i].cut * space_.nodes();
    const double* mask = moves_[i].mask < 0 ? nullptr : masks_[z(moves_[i].mask)].data();
    for (std::int64_t b = 0; b < blocks_; ++b) {
      const std::int64_t at = block_cell(moves_[i].from, b);
      if (at < NodeBlocks::kSize) continue;
      const std::int64_t first = b << shift_;
      const std::int64_t end = std::min(first + NodeBlocks::kSize, space_.orbits());
      for (std::int64_t u = first; u < end; ++u) {
        const std::int64_t x = pairs != nullptr ? pairs->first[z(u)] : u;
        double sum = table[at + u - first] + price[x];
        if (mask != nullptr) sum += mask[x];
        here[x] = std::min(here[x], sum);
        if (pairs == nullptr) continue;
        const std::int64_t y = pairs->second[z(u)];
        here[y] = std::min(here[y], sum);
      }
    }
  }
}

}  // namespace ridgeline::search
