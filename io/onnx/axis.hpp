// Axes as ONNX counts them: from the front, or from the end where negative.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ridgeline::io {

// An axis of a tensor of `rank` axes, counted from the front; -1 where it is none.
inline std::int64_t axis_from_front(std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r) return -1;
  return axis < 0 ? axis + r : axis;
}

}  // namespace ridgeline::io
