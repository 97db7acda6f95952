// Shapes of what moves data.
#include "io/onnx/shape_rule_class.hpp"

namespace ridgeline::io {

// --- layout

void ShapeRules::reshape() {
  const OnnxShape* x = shape(0);
  const auto target = list(1, "shape");
  if (!target) {
    // A list of known length is a known number of axes.
    const OnnxShape* length = shape(1);
    if (length && length->size() == 1 && length->front().size > 0 &&
        length->front().size <= kMaxOnnxRank) {
      give(0, OnnxShape(static_cast<std::size_t>(length->front().size)), type(0));
    }
    return;
  }
  if (target->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
  const bool keep_zero = integer("allowzero", 0) != 0;
  OnnxShape out;
  int rest = -1;
  for (std::size_t a = 0; a < target->size(); ++a) {
    const std::int64_t size = (*target)[a];
    if (size == -1) {
      if (rest >= 0) return;
      rest = static_cast<int>(a);
      out.push_back(unknown());
    } else if (size == 0 && !keep_zero) {
      out.push_back(x && a < x->size() ? (*x)[a] : unknown());
    } else if (size == kUnknownValue || size < 0 || size > kMaxExactInteger) {
      out.push_back(unknown());
    } else {
      out.push_back(dim_of(size));
    }
  }
  if (x) deduce_one(*x, out);
  give(0, std::move(out), type(0));
}

void ShapeRules::deduce_one(const OnnxShape& before, OnnxShape& after) {
  std::vector<std::size_t> missing;
  std::int64_t known_before = 1;
  std::int64_t known_after = 1;
  std::size_t missing_before = 0;
  OnnxDim symbol;
  for (const OnnxDim& dim : before) {
    if (dim.zero) return;
    if (dim.size == 0) {
      ++missing_before;
      symbol = dim;
    } else if (known_before > kMaxExactInteger / dim.size) {
      return;
    } else {
      known_before *= dim.size;
    }
  }
  for (std::size_t a = 0; a < after.size(); ++a) {
    if (after[a].zero) return;
    if (after[a].size == 0) {
      missing.push_back(a);
    } else if (known_after > kMaxExactInteger / after[a].size) {
      return;
    } else {
      known_after *= after[a].size;
    }
  }
  // Symbols that stand on both sides cancel.
  if (missing_before == 1 && missing.size() == 2 && !symbol.symbol.empty()) {
    const auto same = std::find_if(missing.begin(), missing.end(),
                                   [&](std::size_t a) { return after[a].symbol == symbol.symbol; });
    if (same != missing.end()) {
      missing.erase(same);
      missing_before = 0;
    }
  }
  if (missing.size() != 1) return;
  OnnxDim& open = after[missing.front()];
  if (missing_before == 0 && known_before % known_after == 0)
    open = dim_of(known_before / known_after);
  if (missing_before == 1 && known_before == known_after) open = symbol;
}

void ShapeRules::flatten() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const auto rank = static_cast<std::int64_t>(x->size());
  std::int64_t axis = integer("axis", 1);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank) return;
  give(0, {product(x->begin(), x->begin() + axis), product(x->begin() + axis, x->end())}, type(0));
}

void ShapeRules::squeeze() {
  const OnnxShape* x = shape(0);
  const auto axes = list(1, "axes");
  if (!x || !axes) return;
  std::set<std::int64_t> gone;
  for (const std::int64_t a : *axes) {
    const std::int64_t axis = axis_from_front(a, x->size());
    if (axis < 0) return;
    gone.insert(axis);
  }
  OnnxShape out;
  for (std::size_t a = 0; a < x->size(); ++a) {
    if (axes->empty()) {
      if (!is_known((*x)[a])) return;
      if ((*x)[a].size == 1) continue;
    }
    if (!gone.contains(static_cast<std::int64_t>(a))) out.push_back((*x)[a]);
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::unsqueeze() {
  const OnnxShape* x = shape(0);
  const auto axes = list(1, "axes");
  if (!x || !axes || axes->size() + x->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
  const std::size_t rank = x->size() + axes->size();
  std::set<std::int64_t> added;
  for (const std::int64_t a : *axes) {
    const std::int64_t axis = axis_from_front(a, rank);
    if (axis < 0 || !added.insert(axis).second) return;
  }
  OnnxShape out;
  std::size_t next = 0;
  for (std::size_t a = 0; a < rank; ++a) {
    out.push_back(added.contains(static_cast<std::int64_t>(a)) ? dim_of(1) : (*x)[next++]);
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::transpose() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const auto order = axis_order(node_, x->size());
  if (!order) return;
  OnnxShape out;
  for (const std::int64_t axis : *order) out.push_back((*x)[static_cast<std::size_t>(axis)]);
  give(0, std::move(out), type(0));
}

void ShapeRules::concat() {
  std::int64_t axis = 0;
  const OnnxShape* x = along(0, axis);
  if (!x) return;
  OnnxShape out = *x;
  const auto at = static_cast<std::size_t>(axis);
  std::int64_t total = 0;
  bool known = true;
  for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
    const OnnxShape* part = shape(i);
    if (!part || part->size() != x->size()) return;
    known = known && is_known((*part)[at]);
    total = std::min(total + (*part)[at].size, kMaxExactInteger);
    for (std::size_t a = 0; a < out.size(); ++a) {
      if (a != at && !is_known(out[a])) out[a] = (*part)[a];
    }
  }
  out[at] = known ? dim_of(total) : unknown();
  give(0, std::move(out), type(0));
}

void ShapeRules::split() {
  std::int64_t axis = 0;
  const OnnxShape* x = along(0, axis);
  if (!x) return;
  const auto at = static_cast<std::size_t>(axis);
  const auto parts = list(1, "split");
  const auto count = static_cast<std::int64_t>(node_.outputs.size());
  const std::int64_t whole = (*x)[at].size;
  const std::int64_t each = (whole + count - 1) / count;
  for (std::size_t o = 0; o < node_.outputs.size(); ++o) {
    OnnxShape out = *x;
    if (!parts) {
      out[at] = unknown();
    } else if (!parts->empty()) {
      const bool fits = o < parts->size() && (*parts)[o] >= 0 && (*parts)[o] <= kMaxExactInteger;
      out[at] = fits ? dim_of((*parts)[o]) : unknown();
    } else if (whole > 0) {
      out[at] =
          dim_of(std::clamp<std::int64_t>(whole - static_cast<std::int64_t>(o) * each, 0, each));
    }
    give(o, std::move(out), type(0));
  }
}

void ShapeRules::slice() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const auto starts = list(1, "starts");
  const auto ends = list(2, "ends");
  auto axes = list(3, "axes");
  const auto steps = has(4) ? values(4) : Sizes{};
  OnnxShape out = *x;
  if (!axes) return;
  if (axes->empty()) {
    const std::size_t count = starts ? starts->size() : x->size();
    for (std::size_t a = 0; a < std::min(count, x->size()); ++a)
      axes->push_back(static_cast<std::int64_t>(a));
  }
  for (std::size_t i = 0; i < axes->size(); ++i) {
    const std::int64_t axis = axis_from_front((*axes)[i], x->size());
    if (axis < 0) return;
    OnnxDim& dim = out[static_cast<std::size_t>(axis)];
    const bool given = starts && ends && steps && i < starts->size() && i < ends->size() &&
                       (steps->empty() || i < steps->size());
    if (!given || dim.size == 0) {
      if (!dim.zero) dim = unknown();
      continue;
    }
    const std::int64_t start = (*starts)[i];
    const std::int64_t end = (*ends)[i];
    const std::int64_t step = steps->empty() ? 1 : (*steps)[i];
    if (start == kUnknownValue || end == kUnknownValue || step == 0 || step == kUnknownValue) {
      dim = unknown();
      continue;
    }
    const std::int64_t n = dim.size;
    const auto place = [n](std::int64_t at, std::int64_t low, std::int64_t high) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -n - 1) + n : at, low, high);
    };
    const bool forward = step > 0;
    const std::int64_t from = forward ? place(start, 0, n) : place(start, 0, n - 1);
    const std::int64_t to = forward ? place(end, 0, n) : place(end, -1, n - 1);
    const std::int64_t length = forward ? to - from : from - to;
    const std::int64_t stride =
        forward ? std::min(step, n + 1) : std::min(-std::max(step, -n - 1), n + 1);
    dim = dim_of(std::max<std::int64_t>(0, (length + stride - 1) / stride));
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::gather() {
  const OnnxShape* x = shape(0);
  const OnnxShape* indices = shape(1);
  if (!x || !indices) return;
  const std::int64_t axis = axis_from_front(integer("axis", 0), x->size());
  if (axis < 0) return;
  OnnxShape out(x->begin(), x->begin() + axis);
  out.insert(out.end(), indices->begin(), indices->end());
  out.insert(out.end(), x->begin() + axis + 1, x->end());
  give(0, std::move(out), type(0));
}

void ShapeRules::gather_elements() {
  if (const OnnxShape* indices = shape(1)) give(0, *indices, type(0));
}

void ShapeRules::gather_nd() {
  const OnnxShape* x = shape(0);
  const OnnxShape* indices = shape(1);
  if (!x || !indices || indices->empty()) return;
  const std::int64_t batch = integer("batch_dims", 0);
  const std::int64_t depth = indices->back().size;
  if (batch < 0 || depth < 1 || batch + depth > static_cast<std::int64_t>(x->size())) return;
  OnnxShape out(indices->begin(), indices->end() - 1);
  out.insert(out.end(), x->begin() + batch + depth, x->end());
  give(0, std::move(out), type(0));
}

void ShapeRules::expand() {
  const OnnxShape* x = shape(0);
  const auto target = values(1);
  if (!x || !target) return;
  OnnxShape wanted;
  for (const std::int64_t size : *target) {
    wanted.push_back(size == kUnknownValue || size < 0 || size > kMaxExactInteger ? unknown()
                                                                                  : dim_of(size));
  }
  give(0, joint(*x, wanted), type(0));
}

void ShapeRules::tile() {
  const OnnxShape* x = shape(0);
  const auto repeats = values(1);
  if (!x || !repeats || repeats->size() != x->size()) return;
  OnnxShape out;
  for (std::size_t a = 0; a < x->size(); ++a) {
    const std::int64_t r = (*repeats)[a];
    out.push_back(r == kUnknownValue || r < 0 || r > kMaxExactInteger ? unknown()
                                                                      : times((*x)[a], dim_of(r)));
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::pad() {
  const OnnxShape* x = shape(0);
  const auto pads = list(1, "pads");
  if (!x) return;
  Sizes axes;
  if (has(3)) {
    const auto given = values(3);
    if (!given) return;
    axes = *given;
  } else {
    for (std::size_t a = 0; a < x->size(); ++a) axes.push_back(static_cast<std::int64_t>(a));
  }
  OnnxShape out = *x;
  if (!pads || pads->size() != 2 * axes.size()) {
    give(0, OnnxShape(x->size()), type(0));
    return;
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axis_from_front(axes[i], x->size());
    if (axis < 0) return;
    OnnxDim& dim = out[static_cast<std::size_t>(axis)];
    const std::int64_t low = (*pads)[i];
    const std::int64_t high = (*pads)[i + axes.size()];
    const auto moderate = [](std::int64_t p) { return p >= -kMostWindow && p <= kMostWindow; };
    if (!moderate(low) || !moderate(high)) {
      dim = unknown();
    } else if (low != 0 || high != 0) {
      dim = dim.size > 0 && dim.size + low + high >= 0 ? dim_of(dim.size + low + high) : unknown();
    }
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::resize() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const bool newer = node_.op_type == "Resize" && node_.inputs.size() > 2;
  const std::size_t scales_place = newer ? 2 : 1;
  Sizes axes = list("axes");
  if (axes.empty()) {
    for (std::size_t a = 0; a < x->size(); ++a) axes.push_back(static_cast<std::int64_t>(a));
  }
  OnnxShape out = *x;
  const auto sizes = has(3) ? values(3) : std::nullopt;
  std::vector<double> scales;
  if (const OnnxAttribute* given = node_.attribute("scales")) scales = given->reals;
  if (has(scales_place) && tensor(scales_place).reals) scales = *tensor(scales_place).reals;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axis_from_front(axes[i], x->size());
    if (axis < 0) return;
    OnnxDim& dim = out[static_cast<std::size_t>(axis)];
    if (sizes && sizes->size() == axes.size()) {
      const std::int64_t size = (*sizes)[i];
      dim = size > 0 && size <= kMaxExactInteger ? dim_of(size) : unknown();
    } else if (scales.size() == axes.size()) {
      const double size = std::floor(static_cast<double>(dim.size) * scales[i]);
      dim = dim.size > 0 && size >= 1 && size <= static_cast<double>(kMaxExactInteger)
                ? dim_of(static_cast<std::int64_t>(size))
                : unknown();
    } else {
      dim = unknown();
    }
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::depth_to_space() {
  const OnnxShape* x = shape(0);
  const std::int64_t block = integer("blocksize", 0);
  if (!x || x->size() != 4 || block < 1 || block > (1 << 15)) return;
  OnnxShape out = *x;
  const bool to_space = node_.op_type == "DepthToSpace";
  const auto divided = [](const OnnxDim& dim, std::int64_t by) {
    return dim.size > 0 && dim.size % by == 0 ? dim_of(dim.size / by) : unknown();
  };
  out[1] = to_space ? divided(out[1], block * block) : times(out[1], dim_of(block * block));
  for (const std::size_t a : {2, 3}) {
    out[a] = to_space ? times(out[a], dim_of(block)) : divided(out[a], block);
  }
  give(0, std::move(out), type(0));
}

}  // namespace ridgeline::io
