#include "model/core/propagation.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>

namespace ridgeline::model {

namespace {

std::int64_t product(std::span<const std::int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

void merge(IndexSet& set) {
  std::sort(set.begin(), set.end(), [](const Range& a, const Range& b) { return a.lo < b.lo; });
  std::size_t kept = 0;
  for (const Range& range : set) {
    if (range.length() <= 0) continue;
    if (kept > 0 && range.lo <= set[kept - 1].hi) {
      set[kept - 1].hi = std::max(set[kept - 1].hi, range.hi);
    } else {
      set[kept++] = range;
    }
  }
  set.resize(kept);
}

bool is_whole(const IndexSet& set, std::int64_t size) {
  return set.size() == 1 && set[0].lo == 0 && set[0].hi == size;
}

// A slice as array libraries understand it: negative ends count from the end of the axis.
Range slice(Range range, std::int64_t size) {
  const auto place = [size](std::int64_t i) {
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  return {place(range.lo), place(range.hi)};
}

// Row-major places of a product of index sets.
IndexSet linear(std::span<const std::int64_t> sizes, std::span<const IndexSet> sets) {
  IndexSet places{{0, 1}};
  std::int64_t inner = 1;
  for (std::size_t a = sizes.size(); a-- > 0;) {
    IndexSet outer;
    for (const Range& range : sets[a]) {
      if (is_whole(places, inner)) {
        outer.push_back({range.lo * inner, range.hi * inner});
        continue;
      }
      for (std::int64_t i = range.lo; i < range.hi; ++i) {
        for (const Range& place : places) {
          outer.push_back({i * inner + place.lo, i * inner + place.hi});
        }
      }
    }
    merge(outer);
    places = std::move(outer);
    inner *= sizes[a];
  }
  return places;
}

// Products of index sets that together hold exactly the row-major places.
std::vector<Region> boxes(std::span<const std::int64_t> sizes, const IndexSet& places) {
  if (sizes.size() == 1) return {{places}};
  const std::int64_t inner = product(sizes.subspan(1));
  // Rows in which the same part of the row is taken go together.
  std::map<std::pair<std::int64_t, std::int64_t>, IndexSet> rows;
  for (const Range& place : places) {
    std::int64_t lo = place.lo;
    while (lo < place.hi) {
      const std::int64_t row = lo / inner;
      const std::int64_t from = lo % inner;
      if (from == 0 && place.hi - lo >= inner) {
        const std::int64_t last = place.hi / inner;
        rows[{0, inner}].push_back({row, last});
        lo = last * inner;
      } else {
        const std::int64_t to = std::min(inner, place.hi - row * inner);
        rows[{from, to}].push_back({row, row + 1});
        lo = row * inner + to;
      }
    }
  }
  std::vector<Region> result;
  for (auto& [part, set] : rows) {
    merge(set);
    for (Region& rest : boxes(sizes.subspan(1), {{part.first, part.second}})) {
      Region region{set};
      region.insert(region.end(), std::make_move_iterator(rest.begin()),
                    std::make_move_iterator(rest.end()));
      result.push_back(std::move(region));
    }
  }
  return result;
}

// Index sets before a reshape of those after it. Axes are taken in the smallest groups whose
// sizes have the same product before and after.
std::vector<Region> unreshape(const std::vector<std::int64_t>& before,
                              const std::vector<std::int64_t>& after, const Region& region) {
  std::vector<Region> result{{}};
  std::size_t b = 0;
  std::size_t a = 0;
  while (b < before.size() || a < after.size()) {
    const std::size_t b0 = b;
    const std::size_t a0 = a;
    std::int64_t size_b = b < before.size() ? before[b++] : 1;
    std::int64_t size_a = a < after.size() ? after[a++] : 1;
    while (size_b != size_a) {
      if (size_b < size_a) {
        size_b *= before[b++];
      } else {
        size_a *= after[a++];
      }
    }
    const std::span<const std::int64_t> sizes_b{before.data() + b0, b - b0};
    const std::span<const std::int64_t> sizes_a{after.data() + a0, a - a0};
    const std::span<const IndexSet> sets{region.data() + a0, a - a0};
    std::vector<Region> parts;
    if (sizes_b.size() == 1 && sizes_a.size() == 1) {
      parts = {{sets[0]}};
    } else if (sizes_b.empty()) {
      parts = {{}};  // axes of size 1 that were not there before
    } else {
      parts = boxes(sizes_b, linear(sizes_a, sets));
    }
    std::vector<Region> joined;
    for (const Region& left : result) {
      for (const Region& right : parts) {
        joined.push_back(left);
        joined.back().insert(joined.back().end(), right.begin(), right.end());
      }
    }
    result = std::move(joined);
  }
  return result;
}

}  // namespace

Path::Path(std::vector<std::int64_t> shape, std::vector<bool> relevant, int slots)
    : shape_(std::move(shape)), relevant_(std::move(relevant)) {
  shape_.push_back(std::max(1, slots));
}

std::size_t Path::axis_of(int axis) const {
  const int rank = static_cast<int>(shape_.size()) - 1;
  return static_cast<std::size_t>(std::clamp(axis < 0 ? axis + rank : axis, 0, rank - 1));
}

void Path::set_relevant(std::size_t axis) {
  if (axis < relevant_.size()) relevant_[axis] = true;
}

void Path::reshape(std::vector<std::int64_t> shape) {
  std::erase(shape, 0);
  shape.push_back(shape_.back());
  if (product(shape) != product(shape_)) {
    problem_ = "the data cannot be laid out in the shape of the operator's output";
    return;
  }
  if (shape == shape_) return;
  steps_.push_back({.kind = Step::Kind::reshape, .before = shape_, .after = shape});
  shape_ = std::move(shape);
}

void Path::pick(std::size_t axis, std::int64_t size, std::int64_t offset, std::int64_t stride) {
  Step step{.kind = Step::Kind::pick, .before = shape_, .after = shape_};
  step.axis = axis;
  step.offset = offset;
  step.stride = stride;
  step.after[axis] = size;
  shape_ = step.after;
  steps_.push_back(std::move(step));
}

void Path::relayout(const std::vector<std::int64_t>& shape) {
  reshape(shape);
}

void Path::reshape_relevance(const std::vector<std::int64_t>& before,
                             const std::vector<std::int64_t>& after) {
  std::vector<std::int64_t> now = after;
  if (now.size() > before.size()) {
    relevant_.push_back(now.back() != before.back());
  } else if (now.size() < before.size()) {
    std::size_t gone = 0;
    while (gone < now.size() && before[gone] == now[gone]) ++gone;
    if (gone == now.size()) gone = before.size() - 1;
    if (gone < relevant_.size()) relevant_.erase(relevant_.begin() + static_cast<long>(gone));
    if (gone < now.size()) now.erase(now.begin() + static_cast<long>(gone));
  }
  for (std::size_t a = 0; a < std::min(before.size(), now.size()); ++a) {
    if (before[a] != now[a]) set_relevant(a);
  }
}

void Path::append(const Moving& moving, int input, int output, int step) {
  if (!problem_.empty()) return;
  const std::size_t rank = shape_.size() - 1;
  std::vector<std::int64_t> data(shape_.begin(), shape_.end() - 1);
  switch (moving.kind) {
    case Movement::none:
      break;
    case Movement::opaque:
      problem_ = "an operator on the way is not followed index by index";
      break;
    case Movement::transpose: {
      Step s{.kind = Step::Kind::permute, .before = shape_, .after = {}};
      if (moving.permutation.empty()) {
        // The hidden axis takes part, and what is relevant stays at its place.
        for (std::size_t a = rank + 1; a-- > 0;) s.permutation.push_back(static_cast<int>(a));
      } else {
        if (moving.permutation.size() != rank) {
          problem_ = "the permutation does not have as many axes as the data";
          return;
        }
        s.permutation = moving.permutation;
        s.permutation.push_back(static_cast<int>(rank));
        for (std::size_t a = 0; a < rank; ++a) set_relevant(a);
      }
      for (int a : s.permutation) s.after.push_back(shape_[static_cast<std::size_t>(a)]);
      shape_ = s.after;
      steps_.push_back(std::move(s));
      break;
    }
    case Movement::reshape: {
      reshape(moving.shape);
      if (!problem_.empty()) return;
      reshape_relevance(data, {shape_.begin(), shape_.end() - 1});
      break;
    }
    case Movement::flatten: {
      const int r = static_cast<int>(rank);
      const int axis = std::clamp(moving.axis < 0 ? moving.axis + r : moving.axis, 0, r);
      const std::span<const std::int64_t> sizes(data);
      reshape({product(sizes.subspan(0, static_cast<std::size_t>(axis))),
               product(sizes.subspan(static_cast<std::size_t>(axis)))});
      for (std::size_t a = 0; a < relevant_.size(); ++a) set_relevant(a);
      break;
    }
    case Movement::gather: {
      const std::size_t axis = axis_of(moving.axis);
      Step s{.kind = moving.scalar_index ? Step::Kind::drop_axis : Step::Kind::pick,
             .before = shape_,
             .after = shape_};
      s.axis = axis;
      const std::int64_t size = shape_[axis];
      for (std::int64_t index : moving.indices)
        s.indices.push_back(index < 0 ? index + size : index);
      if (s.indices.empty()) s.indices.push_back(0);
      if (moving.scalar_index) {
        s.after.erase(s.after.begin() + static_cast<long>(axis));
      } else {
        s.after[axis] = static_cast<std::int64_t>(s.indices.size());
      }
      shape_ = s.after;
      steps_.push_back(std::move(s));
      set_relevant(axis);
      break;
    }
    case Movement::split: {
      const std::size_t axis = axis_of(moving.axis);
      const auto o = static_cast<std::size_t>(output);
      if (o >= moving.sizes.size()) {
        problem_ = "a split has fewer sizes than outputs";
        return;
      }
      std::int64_t offset = 0;
      for (std::size_t i = 0; i < o; ++i) offset += moving.sizes[i];
      pick(axis, moving.sizes[o], offset, 1);
      set_relevant(axis);
      break;
    }
    case Movement::slice: {
      const std::size_t axis = axis_of(moving.axis);
      if (moving.step <= 0) {
        problem_ = "a slice that does not step forward";
        return;
      }
      const Range range = slice({moving.start, moving.end}, shape_[axis]);
      const std::int64_t length = std::max<std::int64_t>(0, range.length());
      pick(axis, (length + moving.step - 1) / moving.step, range.lo, moving.step);
      set_relevant(axis);
      break;
    }
    case Movement::concat: {
      const std::size_t axis = axis_of(moving.axis);
      std::int64_t offset = 0;
      std::int64_t total = 0;
      for (std::size_t i = 0; i < moving.sizes.size(); ++i) {
        if (static_cast<int>(i) < input) offset += moving.sizes[i];
        total += moving.sizes[i];
      }
      pick(axis, total, -offset, 1);
      // Beyond its own part there is nothing of this input.
      set_relevant(axis);
      break;
    }
    case Movement::concat_constant: {
      const std::size_t axis = axis_of(moving.axis);
      // The constant always comes first (a quirk of the reference).
      pick(axis, shape_[axis] + moving.constant_extent, -moving.constant_extent, 1);
      set_relevant(axis);
      break;
    }
    case Movement::generated_split: {
      const std::size_t axis = axis_of(moving.axis);
      pick(axis, 1, step, 1);
      set_relevant(axis);
      break;
    }
    case Movement::generated_concat: {
      const std::size_t axis = axis_of(moving.axis);
      const std::int64_t size = axis < moving.shape.size() ? moving.shape[axis] : shape_[axis];
      pick(axis, size, -step, 1);
      set_relevant(axis);
      break;
    }
  }
}

std::vector<Region> Path::trace_back(std::span<const Range> window) const {
  Region arriving;
  for (std::size_t a = 0; a < shape_.size(); ++a) {
    Range range{0, shape_[a]};
    if (a < window.size() && a < relevant_.size()) {
      range = slice(relevant_[a] ? window[a] : Range{0, 1}, shape_[a]);
    }
    if (range.length() <= 0) return {};
    arriving.push_back({range});
  }
  std::vector<Region> regions{std::move(arriving)};
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    std::vector<Region> earlier;
    for (Region& region : regions) {
      switch (step->kind) {
        case Step::Kind::permute: {
          Region before(region.size());
          for (std::size_t a = 0; a < region.size(); ++a) {
            before[static_cast<std::size_t>(step->permutation[a])] = std::move(region[a]);
          }
          earlier.push_back(std::move(before));
          break;
        }
        case Step::Kind::reshape:
          for (Region& before : unreshape(step->before, step->after, region)) {
            earlier.push_back(std::move(before));
          }
          break;
        case Step::Kind::drop_axis:
          region.insert(region.begin() + static_cast<long>(step->axis),
                        IndexSet{{step->indices.front(), step->indices.front() + 1}});
          earlier.push_back(std::move(region));
          break;
        case Step::Kind::pick: {
          IndexSet before;
          for (const Range& range : region[step->axis]) {
            if (step->indices.empty() && step->stride == 1) {
              before.push_back({range.lo + step->offset, range.hi + step->offset});
              continue;
            }
            for (std::int64_t i = range.lo; i < range.hi; ++i) {
              const std::int64_t index = step->indices.empty()
                                             ? step->offset + i * step->stride
                                             : step->indices[static_cast<std::size_t>(i)];
              before.push_back({index, index + 1});
            }
          }
          const std::int64_t size = step->before[step->axis];
          for (Range& range : before) {
            range = {std::max<std::int64_t>(0, range.lo), std::min(size, range.hi)};
          }
          merge(before);
          region[step->axis] = std::move(before);
          earlier.push_back(std::move(region));
          break;
        }
      }
    }
    regions = std::move(earlier);
    std::erase_if(regions, [](const Region& region) {
      return std::any_of(region.begin(), region.end(),
                         [](const IndexSet& set) { return set.empty(); });
    });
  }
  return regions;
}

}  // namespace ridgeline::model
