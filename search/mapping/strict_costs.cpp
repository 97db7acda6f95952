#include "search/mapping/strict_costs.hpp"

#include <algorithm>

#include "model/core/index.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::search {

namespace {

// Sizes of loops, and numbers of tiles, that are told apart.
constexpr std::int64_t kLongestLoop = 1 << 15;
constexpr std::int64_t kMostNodes = std::int64_t{1} << 40;
// Places of what a level costs; each has one for all that would lie there.
constexpr int kEntryBits = 11;

std::size_t place_of(std::int64_t key) {
  const auto spread = static_cast<std::uint64_t>(key) * 0x9e3779b97f4a7c15u;
  return static_cast<std::size_t>(spread >> (64 - kEntryBits));
}

}  // namespace

StrictCosts::StrictCosts(const model::Problem& problem) : problem_(problem) {
  for (int d = 0; d < problem.dims; ++d) {
    const std::int64_t size = problem.temporal_size[z(d)];
    if (size > kLongestLoop) return;
    stride_[z(d)] = nodes_;
    std::uint16_t count = 0;
    place_[z(d)].resize(z(size + 1));
    for (std::int64_t i = 1; i <= size; ++i) {
      if (size % i == 0) place_[z(d)][z(i)] = count++;
    }
    nodes_ *= count;
    if (nodes_ > kMostNodes) return;
  }
  for (int o = 0; o < problem.operands; ++o) {
    for (int m = 0; m < problem.operand[z(o)].levels; ++m) {
      if (problem.strict->level[z(o)][z(m)].reloads) return;
    }
  }
  whole_ = model::whole_output(problem);
  entries_.resize(std::size_t{1} << kEntryBits);
  tiles_.resize(std::size_t{1} << kEntryBits);
  usable_ = true;
}

void StrictCosts::set(const model::Ordering& ordering) {
  ordering_ = &ordering;
  std::array<std::int64_t, model::kMaxDims> product;
  for (int d = 0; d < problem_.dims; ++d) product[z(d)] = 1;
  std::int64_t node = 0;
  node_[0] = 0;
  for (int i = 0; i < ordering.count; ++i) {
    const int d = ordering.dim[z(i)];
    std::int64_t& inside = product[z(d)];
    const std::int64_t before = place_[z(d)][z(inside)];
    inside *= static_cast<std::int64_t>(ordering.size[z(i)]);
    node += (place_[z(d)][z(inside)] - before) * stride_[z(d)];
    node_[z(i + 1)] = node;
  }
}

void StrictCosts::set_inside(int position) {
  for (int d = 0; d < problem_.dims; ++d) inside_[z(d)] = 1;
  for (int i = 0; i < position; ++i) inside_[ordering_->dim[z(i)]] *= ordering_->size[z(i)];
}

std::int64_t StrictCosts::key(int o, int level, int position) const {
  return (node_[z(position)] * model::kMaxLevels + level) * model::kMaxOperands + o;
}

double StrictCosts::largest(int o, int m, int position) {
  const std::int64_t node = key(o, m, position);
  Tile& tile = tiles_[place_of(node)];
  if (tile.node != node) {
    set_inside(position);
    tile = {node, model::largest_tile(problem_, o, m, inside_)};
  }
  return tile.elements;
}

bool StrictCosts::fits(const model::Cuts& cuts) {
  std::array<double, model::kMaxMemories> used{};
  for (int o = 0; o < problem_.operands; ++o) {
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    int last = -1;  // loop that sums are added over
    for (int i = 0; operand.output && i < ordering_->count; ++i) {
      if (operand.irrelevant >> ordering_->dim[z(i)] & 1u) last = i;
    }
    int begin = 0;
    for (int m = 0; m < operand.levels; ++m) {
      const int end = cuts.end[z(o)][z(m)];
      const bool adds = last >= begin || operand.real.irrelevant_from[z(m + 1)];
      const int memory = operand.memory[z(m)];
      used[z(memory)] += model::taken_bits(problem_, o, m, largest(o, m, end), adds);
      if (used[z(memory)] > problem_.memory[z(memory)].size) return false;
      begin = end;
    }
  }
  return true;
}

const model::StrictCut& StrictCosts::cut(int o, int a, int position,
                                         const model::StrictSums& sums) {
  const std::int64_t node = key(o, a, position);
  Entry& entry = entries_[place_of(node)];
  const bool same = entry.node == node &&
                    (o > 0 || (entry.finishes == sums.finishes && entry.fresh == sums.fresh));
  if (!same) {
    set_inside(position);
    if (entry.node < 0) {
      entry.cut = cuts_.size();
      cuts_.emplace_back();
    }
    entry.node = node;
    entry.finishes = sums.finishes;
    entry.fresh = sums.fresh;
    cuts_[entry.cut] = model::strict_cut(problem_, o, a, inside_, sums);
  }
  return cuts_[entry.cut];
}

model::Cost StrictCosts::estimate(const model::Cuts& cuts, double limit) {
  model::StrictSums sums = whole_;
  sums.stay = 0;
  const int count = ordering_->count;
  for (int o = 0; o < problem_.operands; ++o) {
    const model::ProblemOperand& operand = problem_.operand[z(o)];
    const auto irrelevant = [&](int i) {
      return (operand.irrelevant >> ordering_->dim[z(i)] & 1u) != 0;
    };
    // Where each level ends, after loops that its operand does not depend on have sunk.
    std::array<int, model::kMaxLevels> end{};
    const int levels = std::min<int>(operand.levels, model::kMaxLevels);
    int at = 0;
    for (int a = 0; a < levels; ++a) {
      if (a > 0) at = std::max<int>(at, cuts.end[z(o)][z(a - 1)]);
      if (a > 0 || (!operand.output && problem_.repeats_are_free)) {
        int most = count;
        if (a == 0 && levels > 1) {
          most = cuts.end[z(o)][0];
          while (most < count && irrelevant(most)) ++most;
        }
        while (at < most && irrelevant(at)) ++at;
      }
      end[z(a)] = at;
    }
    for (int a = levels - 1; a >= 0; --a) {
      const model::StrictCut& one = cut(o, a, end[z(a)], sums);
      if (o == 0) {
        const std::uint32_t stay = sums.stay | (one.sums.stay & 1u << a);
        sums = one.sums;
        sums.stay = stay;
      }
      parts_.cut[z(o)][z(a)] = one;
    }
    parts_.top[z(o)] = largest(o, levels - 1, count);
  }
  parts_.stay = sums.stay;
  return model::estimate_strict(problem_, parts_, limit);
}

}  // namespace ridgeline::search
