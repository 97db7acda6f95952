#include "io/onnx/small_array.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

std::int64_t SmallArray::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

bool SmallArray::known() const {
  return real || std::find(integers.begin(), integers.end(), kUnknownValue) == integers.end();
}

std::int64_t to_integer(double x) {
  if (!(std::abs(x) < 9.2e18)) return kUnknownValue;
  return static_cast<std::int64_t>(x);
}

bool fits(const Sizes& shape, std::int64_t most) {
  double elements = 1;
  for (const std::int64_t s : shape) {
    if (s < 0) return false;
    elements *= static_cast<double>(s);
  }
  return elements <= static_cast<double>(most);
}

Sizes strides_of(const Sizes& shape) {
  Sizes strides(shape.size(), 1);
  for (std::size_t a = shape.size(); a-- > 1;) strides[a - 1] = strides[a] * shape[a];
  return strides;
}

SmallArray picked(const SmallArray& from, Sizes shape,
                  const std::function<std::int64_t(std::int64_t)>& place) {
  SmallArray result{std::move(shape), from.real, {}, {}};
  const std::int64_t count = result.size();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto p = static_cast<std::size_t>(place(i));
    if (from.real) {
      result.reals.push_back(from.reals[p]);
    } else {
      result.integers.push_back(from.integers[p]);
    }
  }
  return result;
}

SmallArray picked_along(const SmallArray& data, std::size_t axis, const Sizes& places) {
  std::int64_t inner = 1;
  for (std::size_t a = axis + 1; a < data.shape.size(); ++a) inner *= data.shape[a];
  const std::int64_t before = data.shape[axis];
  Sizes shape = data.shape;
  const auto count = static_cast<std::int64_t>(places.size());
  shape[axis] = count;
  return picked(data, shape, [&](std::int64_t i) {
    const std::int64_t index = places[static_cast<std::size_t>(i / inner % count)];
    return (i / inner / count * before + index) * inner + i % inner;
  });
}

Sizes sliced_places(std::int64_t n, std::int64_t start, std::int64_t end, std::int64_t step) {
  const auto place = [n](std::int64_t i, std::int64_t low, std::int64_t high) {
    return std::clamp<std::int64_t>(i < 0 ? std::max(i, -n - 1) + n : i, low, high);
  };
  Sizes places;
  if (n == 0) return places;
  if (step > 0) {
    const std::int64_t last = place(end, 0, n);
    for (std::int64_t i = place(start, 0, n); i < last; i += std::min(step, n)) {
      places.push_back(i);
    }
  } else {
    const std::int64_t last = place(end, -1, n - 1);
    for (std::int64_t i = place(start, 0, n - 1); i > last; i += std::max(step, -n)) {
      places.push_back(i);
    }
  }
  return places;
}

std::optional<Sizes> joint_shape(const Sizes& a, const Sizes& b) {
  Sizes result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

std::vector<std::int64_t> broadcast_places(const Sizes& from, const Sizes& to) {
  const Sizes strides = strides_of(from);
  std::vector<std::int64_t> places{0};
  for (std::size_t a = 0; a < to.size(); ++a) {
    const std::size_t lead = to.size() - from.size();
    const bool walked = a >= lead && from[a - lead] != 1;
    std::vector<std::int64_t> next;
    for (const std::int64_t place : places) {
      for (std::int64_t i = 0; i < to[a]; ++i) {
        next.push_back(walked ? place + i * strides[a - lead] : place);
      }
    }
    places = std::move(next);
  }
  return places;
}

}  // namespace ridgeline::io
