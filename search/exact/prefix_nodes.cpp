#include "search/exact/prefix_nodes.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

using Nodes = std::vector<std::uint8_t>;

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
  Nodes ends(from.size(), 0);
  if (rest != 1) return ends;
  // Whether a run has led to a node, and from which start: with a given product only from one.
  for (std::int64_t start = 0; start < space.nodes(); ++start) {
    if (from[z(start)] == 0) continue;
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
      inside[z(node)] = 1;
      if (!run.size || taken == most) ends[z(node)] = 1;
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
  const auto nodes = z(space.nodes());
  ends_.assign(nodes, 0);
  ends_[0] = 1;
  inside_.assign(nodes, 0);
  inside_[0] = 1;
  for (const LoopConstraint& run : constraints) ends_ = ends_of_run(space, run, ends_, inside_);
  for (const bool longest : {false, true}) {
    std::vector<std::int64_t> way = one_way(space, constraints, longest);
    if (!way.empty() && (ways_.empty() || ways_.front() != way)) ways_.push_back(std::move(way));
  }
  possible_ = std::count(ends_.begin(), ends_.end(), 1);
  outside_ = ends_;
  for (std::int64_t node = 0; node < space.nodes(); ++node) {
    for (int t = 0; t < space.type_count() && outside_[z(node)] == 0; ++t) {
      if (space.count_in(node, t) > 0) {
        outside_[z(node)] = outside_[z(node - space.type(t).stride)];
      }
    }
  }
}

}  // namespace ridgeline::search
