// Shapes of reductions, and of what only computes shapes or indices.
#include "io/onnx/shape_rule_class.hpp"

namespace ridgeline::io {

// --- reductions and the rest

void ShapeRules::reduce() {
  const OnnxShape* x = shape(0);
  const auto axes = list(1, "axes");
  if (!x || !axes) return;
  const bool keep = integer("keepdims", 1) != 0;
  if (axes->empty() && integer("noop_with_empty_axes", 0) != 0) return give(0, *x, type(0));
  std::set<std::int64_t> gone;
  for (const std::int64_t a : *axes) {
    const std::int64_t axis = axis_from_front(a, x->size());
    if (axis < 0) return;
    gone.insert(axis);
  }
  OnnxShape out;
  for (std::size_t a = 0; a < x->size(); ++a) {
    if (axes->empty() || gone.contains(static_cast<std::int64_t>(a))) {
      if (keep) out.push_back(dim_of(1));
    } else {
      out.push_back((*x)[a]);
    }
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::arg_reduce() {
  std::int64_t axis = 0;
  const OnnxShape* x = along(0, axis);
  if (!x) return;
  OnnxShape out = *x;
  if (integer("keepdims", 1) != 0) {
    out[static_cast<std::size_t>(axis)] = dim_of(1);
  } else {
    out.erase(out.begin() + axis);
  }
  give(0, std::move(out), kInt64Type);
}

void ShapeRules::shape_of() {
  if (const OnnxShape* x = shape(0); x && !node_.attribute("start") && !node_.attribute("end")) {
    give(0, {dim_of(static_cast<std::int64_t>(x->size()))}, kInt64Type);
  }
}

void ShapeRules::scalar_count() {
  give(0, {}, kInt64Type);
}

void ShapeRules::constant_of_shape() {
  const auto sizes = values(0);
  const OnnxAttribute* value = node_.attribute("value");
  const int element = value && !value->integers.empty() ? kInt64Type : kFloatType;
  if (!sizes || sizes->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
  OnnxShape out;
  for (const std::int64_t size : *sizes) {
    out.push_back(size == kUnknownValue || size < 0 || size > kMaxExactInteger ? unknown()
                                                                               : dim_of(size));
  }
  give(0, std::move(out), element);
}

void ShapeRules::range() {
  give(0, {unknown()}, type(0));
}

void ShapeRules::constant() {}  // known from the file

void ShapeRules::non_zero() {
  if (const OnnxShape* x = shape(0)) {
    give(0, {dim_of(static_cast<std::int64_t>(x->size())), unknown()}, kInt64Type);
  }
}

void ShapeRules::top_k() {
  std::int64_t axis = 0;
  const OnnxShape* x = along(-1, axis);
  if (!x) return;
  OnnxShape out = *x;
  const auto k = has(1) ? values(1) : std::optional(list("k"));
  const bool known = k && k->size() == 1 && k->front() >= 0 && k->front() <= kMaxExactInteger;
  out[static_cast<std::size_t>(axis)] = known ? dim_of(k->front()) : unknown();
  give(1, out, kInt64Type);
  give(0, std::move(out), type(0));
}

void ShapeRules::one_hot() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const std::int64_t axis = axis_from_front(integer("axis", -1), x->size() + 1);
  if (axis < 0) return;
  const auto depth = values(1);
  const bool known =
      depth && depth->size() == 1 && depth->front() > 0 && depth->front() <= kMaxExactInteger;
  OnnxShape out = *x;
  out.insert(out.begin() + axis, known ? dim_of(depth->front()) : unknown());
  give(0, std::move(out), type(2));
}

}  // namespace ridgeline::io
