// Finds which of many boxes a window meets, for boxes that lie on a grid, as tiles do.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "model/system/cn_graph.hpp"

namespace ridgeline::model {

using IndexSet = std::vector<Range>;  // sorted, disjoint, not empty ranges

class BoxGrid {
 public:
  enum class Cells : std::uint8_t {
    whole,       // a cell an axis for each distinct range; ranges may overlap
    elementary,  // axes are cut at every boundary; a box may cover several cells
  };

  // `boxes` holds `rank` ranges for each of `nodes`, which are in ascending order.
  BoxGrid(int rank, std::span<const Range> boxes, std::span<const std::int32_t> nodes, Cells cells);

  // Calls `visit(nodes of the cell)` for every cell that meets the window.
  template <typename Visit>
  void visit(std::span<const Range> window, Visit&& visit) const {
    Selection selection(axes_.size());
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      select(a, window[a], selection[a]);
      if (selection[a].empty()) return;
    }
    walk(selection, visit);
  }
  // The same for a product of index sets.
  template <typename Visit>
  void visit(std::span<const IndexSet> window, Visit&& visit) const {
    Selection selection(axes_.size());
    for (std::size_t a = 0; a < axes_.size(); ++a) {
      for (const Range& range : window[a]) select(a, range, selection[a]);
      auto& cells = selection[a];
      std::sort(cells.begin(), cells.end());
      cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
      if (cells.empty()) return;
    }
    walk(selection, visit);
  }

  // The most nodes that any cell has.
  int deepest() const;

 private:
  struct Axis {
    std::vector<Range> cells;
    bool monotone = true;  // both ends ascend: a window meets consecutive cells
    std::size_t stride = 1;
  };
  using Selection = std::vector<std::vector<std::size_t>>;

  void select(std::size_t axis, Range window, std::vector<std::size_t>& cells) const;

  template <typename Visit>
  void walk(const Selection& selection, Visit&& visit) const {
    std::vector<std::size_t> at(axes_.size(), 0);
    for (;;) {
      std::size_t cell = 0;
      for (std::size_t a = 0; a < axes_.size(); ++a) cell += selection[a][at[a]] * axes_[a].stride;
      const std::span<const std::int32_t> found{nodes_.data() + begin_[cell],
                                                nodes_.data() + begin_[cell + 1]};
      if (!found.empty()) visit(found);
      std::size_t a = 0;
      while (a < axes_.size() && ++at[a] == selection[a].size()) at[a++] = 0;
      if (a == axes_.size()) return;
    }
  }

  std::vector<Axis> axes_;
  std::vector<std::uint32_t> begin_;  // of each cell's nodes
  std::vector<std::int32_t> nodes_;
};

}  // namespace ridgeline::model
