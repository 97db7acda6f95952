#include "search/exact/prefix_nodes.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

// Which nodes are reached, and with which windows at most.
struct Nodes {
  std::vector<std::uint8_t> reached;
  LongestWindows windows;

  explicit Nodes(std::int64_t nodes) : reached(z(nodes), 0), windows(z(nodes)) {
    for (auto& by_operand : windows) by_operand.fill(0);
  }
  bool has(std::int64_t node) const { return reached[z(node)] != 0; }
  // Beyond a loop, or some of one kind, that follow `before`.
  void reach(const CutLattice& space, std::int64_t node, std::uint8_t irrelevant_to,
             const std::array<double, model::kMaxOperands>& before) {
    reached[z(node)] = 1;
    for (int o = 0; o < space.problem().operands; ++o) {
      const bool irrelevant = (irrelevant_to >> o & 1u) != 0;
      double& window = windows[z(node)][z(o)];
      window = std::max(window, irrelevant ? before[z(o)] : space.cycles(node));
    }
  }
};

// Nodes at which a run may end that begins in one of `from`, and those that it leads through.
Nodes ends_of_run(const CutLattice& space, const LoopConstraint& run, const Nodes& from,
                  Nodes& inside) {
  // The factors of the run, by type, where the product is given.
  std::vector<int> wanted(z(space.type_count()), 0);
  std::vector<int> types;
  std::int64_t rest = run.size.value_or(1);
  for (int t = 0; t < space.type_count(); ++t) {
    if (space.type(t).dim != run.dim) continue;
    types.push_back(t);
    for (; run.size && rest % space.type(t).prime == 0; rest /= space.type(t).prime) {
      ++wanted[z(t)];
    }
  }
  Nodes ends(space.nodes());
  if (rest != 1 || types.empty()) return ends;
  const std::uint8_t irrelevant_to = space.type(types.front()).irrelevant_to;
  // Whether a run has led to a node, and from which start: with a given product only from one.
  for (std::int64_t start = 0; start < space.nodes(); ++start) {
    if (!from.has(start)) continue;
    std::vector<int> most(types.size());
    bool fits = true;
    for (std::size_t i = 0; i < types.size(); ++i) {
      const int room = space.type(types[i]).count - space.count_in(start, types[i]);
      most[i] = run.size ? wanted[z(types[i])] : room;
      fits = fits && most[i] <= room;
    }
    if (!fits) continue;
    // Every sub-multiset, as a counter with a digit a type.
    std::vector<int> taken(types.size(), 0);
    std::int64_t node = start;
    while (true) {
      std::size_t digit = 0;
      while (digit < types.size() && taken[digit] == most[digit]) {
        node -= taken[digit] * space.type(types[digit]).stride;
        taken[digit++] = 0;
      }
      if (digit == types.size()) break;
      ++taken[digit];
      node += space.type(types[digit]).stride;
      inside.reach(space, node, irrelevant_to, from.windows[z(start)]);
      if (!run.size || taken == most) {
        ends.reach(space, node, irrelevant_to, from.windows[z(start)]);
      }
    }
  }
  return ends;
}

// Takes the factors of a size from what is left of a dimension, by type; false: they are not there.
bool take_size(const CutLattice& space, int dim, std::int64_t size, std::vector<int>& left) {
  for (int t = 0; t < space.type_count(); ++t) {
    if (space.type(t).dim != dim) continue;
    for (; size % space.type(t).prime == 0; size /= space.type(t).prime) {
      if (--left[z(t)] < 0) return false;
    }
  }
  return size == 1;
}

// Takes one factor, the smallest; its type, or -1.
int take_one(const CutLattice& space, int dim, std::vector<int>& left) {
  for (int t = 0; t < space.type_count(); ++t) {
    if (space.type(t).dim != dim || left[z(t)] == 0) continue;
    --left[z(t)];
    return t;
  }
  return -1;
}

// Where runs end in one ordering that meets the constraints; empty where that is not found.
std::vector<std::int64_t> one_way(const CutLattice& space,
                                  const std::vector<LoopConstraint>& constraints, bool longest) {
  // What each run takes by itself; what is left over may go to runs of any size.
  std::vector<int> left;
  for (int t = 0; t < space.type_count(); ++t) left.push_back(space.type(t).count);
  for (const LoopConstraint& run : constraints) {
    if (run.size && !take_size(space, run.dim, *run.size, left)) return {};
  }
  std::vector<std::int64_t> steps;
  for (const LoopConstraint& run : constraints) {
    std::int64_t step = 0;
    if (run.size) {
      std::int64_t rest = *run.size;
      for (int t = 0; t < space.type_count(); ++t) {
        if (space.type(t).dim != run.dim) continue;
        for (; rest % space.type(t).prime == 0; rest /= space.type(t).prime) {
          step += space.type(t).stride;
        }
      }
    } else {
      const int t = take_one(space, run.dim, left);
      if (t < 0) return {};
      step = space.type(t).stride;
    }
    steps.push_back(step);
  }
  std::vector<std::int64_t> ends;
  std::int64_t node = 0;
  for (std::size_t i = 0; i < constraints.size(); ++i) {
    if (longest && !constraints[i].size) {
      for (int t = 0; t < space.type_count(); ++t) {
        if (space.type(t).dim != constraints[i].dim) continue;
        steps[i] += left[z(t)] * space.type(t).stride;
        left[z(t)] = 0;
      }
    }
    node += steps[i];
    ends.push_back(node);
  }
  return ends;
}

}  // namespace

PrefixNodes::PrefixNodes(const CutLattice& space, const std::vector<LoopConstraint>& constraints) {
  if (constraints.empty()) return;
  Nodes ends(space.nodes());
  ends.reach(space, 0, 0, {});
  Nodes inside = ends;
  for (const LoopConstraint& run : constraints) ends = ends_of_run(space, run, ends, inside);
  ends_ = ends.reached;
  for (const bool longest : {false, true}) {
    std::vector<std::int64_t> way = one_way(space, constraints, longest);
    if (!way.empty() && (ways_.empty() || ways_.front() != way)) ways_.push_back(std::move(way));
  }
  possible_ = std::count(ends_.begin(), ends_.end(), 1);
  Nodes outside = std::move(ends);
  for (std::int64_t node = 0; node < space.nodes(); ++node) {
    for (int t = 0; t < space.type_count(); ++t) {
      if (space.count_in(node, t) == 0) continue;
      const std::int64_t before = node - space.type(t).stride;
      if (!outside.has(before)) continue;
      outside.reach(space, node, space.type(t).irrelevant_to, outside.windows[z(before)]);
    }
  }
  outside_ = std::move(outside.reached);
  inside_ = std::move(inside.reached);
  windows_ = std::move(outside.windows);
  for (std::size_t x = 0; x < windows_.size(); ++x) {
    for (std::size_t o = 0; o < windows_[x].size(); ++o) {
      windows_[x][o] = std::max(windows_[x][o], inside.windows[x][o]);
    }
  }
}

void PrefixNodes::limit(CutLattice& space) const {
  if (!constrained()) return;
  std::vector<std::uint8_t> open(z(space.nodes()));
  for (std::int64_t x = 0; x < space.nodes(); ++x) open[z(x)] = outside(x) || inside(x);
  space.allow_cuts(open);
  space.limit_windows(windows_);
}

}  // namespace ridgeline::search
