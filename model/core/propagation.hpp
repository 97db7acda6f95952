// Data on its way from one layer to another through operators that only move it: a window of
// what arrives is traced back to index sets of what was produced (docs/multicore.md, 3.4).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/system/box_grid.hpp"
#include "model/system/network.hpp"

namespace ridgeline::model {

// One index set an axis: the region is their product.
using Region = std::vector<IndexSet>;

// Arrays have the axes of the data and a last, hidden one: the slots in which an element lists
// the nodes that produce it. It matters because a Transpose without permutation reverses that
// axis as well (a quirk of the reference).
class Path {
 public:
  // `shape`: of the produced data; `relevant`: axes that the producer is tiled over; `slots`:
  // the most nodes that produce one element.
  Path(std::vector<std::int64_t> shape, std::vector<bool> relevant, int slots);

  // Data laid out anew; what `relevant` says of the axes stays as it was.
  void relayout(const std::vector<std::int64_t>& shape);
  // An operator on the way; `input` is the one of its inputs that data comes in by, `output` the
  // one of its outputs that is taken, `step` the step of a recurrence that data comes from or
  // goes to.
  void append(const Moving& moving, int input, int output, int step);

  // Why the path cannot be followed; empty: it can.
  const std::string& problem() const { return problem_; }

  // The produced data in a window of the data that arrives, hidden axis last. Axes that are not
  // relevant are looked at in their first index only.
  std::vector<Region> trace_back(std::span<const Range> window) const;

 private:
  struct Step {
    enum class Kind : std::uint8_t { permute, reshape, pick, drop_axis } kind;
    std::vector<std::int64_t> before;  // shapes, hidden axis last
    std::vector<std::int64_t> after;
    std::vector<int> permutation{};       // axis i of the result is axis permutation[i]
    std::size_t axis = 0;                 // pick, drop_axis
    std::vector<std::int64_t> indices{};  // pick: index i of the result is indices[i], -1: empty
    std::int64_t offset = 0;              // pick without indices: affine
    std::int64_t stride = 1;
  };

  void reshape(std::vector<std::int64_t> shape);
  void pick(std::size_t axis, std::int64_t size, std::int64_t offset, std::int64_t stride);
  void set_relevant(std::size_t axis);
  void reshape_relevance(const std::vector<std::int64_t>& before,
                         const std::vector<std::int64_t>& after);
  std::size_t axis_of(int axis) const;

  std::vector<std::int64_t> shape_;  // hidden axis last
  std::vector<bool> relevant_;
  std::vector<Step> steps_;
  std::string problem_;
};

}  // namespace ridgeline::model
