#include "model/system/box_grid.hpp"

namespace ridgeline::model {

BoxGrid::BoxGrid(int rank, std::span<const Range> boxes, std::span<const std::int32_t> nodes,
                 Cells cells) {
  const auto r = static_cast<std::size_t>(rank);
  axes_.resize(r);
  std::size_t total = 1;
  for (std::size_t a = 0; a < r; ++a) {
    Axis& axis = axes_[a];
    std::vector<Range>& list = axis.cells;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      // Neighbours in sub-id order often agree: keep the list short before sorting.
      if (list.empty() || !(list.back() == boxes[n * r + a])) list.push_back(boxes[n * r + a]);
    }
    const auto less = [](const Range& x, const Range& y) {
      return x.lo != y.lo ? x.lo < y.lo : x.hi < y.hi;
    };
    if (cells == Cells::elementary) {
      std::vector<std::int64_t> cuts;
      for (const Range& range : list) {
        cuts.push_back(range.lo);
        cuts.push_back(range.hi);
      }
      std::sort(cuts.begin(), cuts.end());
      cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
      list.clear();
      for (std::size_t c = 0; c + 1 < cuts.size(); ++c) list.push_back({cuts[c], cuts[c + 1]});
    } else {
      std::sort(list.begin(), list.end(), less);
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
    for (std::size_t c = 1; c < list.size(); ++c) {
      axis.monotone = axis.monotone && list[c - 1].hi <= list[c].hi;
    }
    axis.stride = total;
    total *= std::max<std::size_t>(1, list.size());
  }

  // Cells of a box: the one of its own ranges, or all those it covers.
  const auto each_cell = [&](std::size_t n, auto&& action) {
    Selection selection(r);
    for (std::size_t a = 0; a < r; ++a) {
      const Range& range = boxes[n * r + a];
      if (cells == Cells::elementary) {
        select(a, range, selection[a]);
      } else {
        const auto& list = axes_[a].cells;
        const auto place =
            std::lower_bound(list.begin(), list.end(), range, [](const Range& x, const Range& y) {
              return x.lo != y.lo ? x.lo < y.lo : x.hi < y.hi;
            });
        selection[a].push_back(static_cast<std::size_t>(place - list.begin()));
      }
    }
    std::vector<std::size_t> at(r, 0);
    for (;;) {
      std::size_t cell = 0;
      for (std::size_t a = 0; a < r; ++a) cell += selection[a][at[a]] * axes_[a].stride;
      action(cell);
      std::size_t a = 0;
      while (a < r && ++at[a] == selection[a].size()) at[a++] = 0;
      if (a == r) return;
    }
  };
  begin_.assign(total + 1, 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    each_cell(n, [&](std::size_t cell) { ++begin_[cell + 1]; });
  }
  for (std::size_t c = 0; c < total; ++c) begin_[c + 1] += begin_[c];
  nodes_.resize(begin_.back());
  std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    each_cell(n, [&](std::size_t cell) { nodes_[next[cell]++] = nodes[n]; });
  }
}

void BoxGrid::select(std::size_t axis, Range window, std::vector<std::size_t>& cells) const {
  const std::vector<Range>& list = axes_[axis].cells;
  if (window.length() <= 0) return;
  auto first = list.begin();
  if (axes_[axis].monotone) {
    first = std::partition_point(list.begin(), list.end(),
                                 [&](const Range& cell) { return cell.hi <= window.lo; });
  }
  for (auto cell = first; cell != list.end() && cell->lo < window.hi; ++cell) {
    if (cell->hi > window.lo) cells.push_back(static_cast<std::size_t>(cell - list.begin()));
  }
}

int BoxGrid::deepest() const {
  std::uint32_t deepest = 0;
  for (std::size_t c = 0; c + 1 < begin_.size(); ++c) {
    deepest = std::max(deepest, begin_[c + 1] - begin_[c]);
  }
  return static_cast<int>(deepest);
}

}  // namespace ridgeline::model
