// Small arrays of numbers, and how they are picked apart and broadcast. Only for
// constant_folding.cpp and array_arithmetic.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace ridgeline::io {

using Sizes = std::vector<std::int64_t>;

// Integers, of which some may be kUnknownValue, or real numbers.
struct SmallArray {
  Sizes shape;
  bool real = false;
  Sizes integers;
  std::vector<double> reals;

  std::int64_t size() const;
  bool known() const;
};

// A whole number of a double; kUnknownValue where it does not fit.
std::int64_t to_integer(double x);

// Whether an array of that shape has at most `most` elements; not where a size is negative.
bool fits(const Sizes& shape, std::int64_t most);

Sizes strides_of(const Sizes& shape);

// An array of elements of another, by place.
SmallArray picked(const SmallArray& from, Sizes shape,
                  const std::function<std::int64_t(std::int64_t)>& place);
// The same along one axis: those at `places`.
SmallArray picked_along(const SmallArray& data, std::size_t axis, const Sizes& places);

// Indices that a slice takes of an axis of n.
Sizes sliced_places(std::int64_t n, std::int64_t start, std::int64_t end, std::int64_t step);

// What both shapes are broadcast to, aligned at the right; nothing where they do not fit.
std::optional<Sizes> joint_shape(const Sizes& a, const Sizes& b);
// Places of an array's elements under a shape that it is broadcast to.
std::vector<std::int64_t> broadcast_places(const Sizes& from, const Sizes& to);

}  // namespace ridgeline::io
