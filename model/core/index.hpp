// Places of dimensions, operands and levels are signed; containers count without a sign.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ridgeline {

// `i`, which is not negative, as an index of a container.
constexpr std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace ridgeline
