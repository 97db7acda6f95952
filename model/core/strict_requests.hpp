// What crosses a port in requests (docs/strict-model.md, 1.6). Neither allocates, throws nor locks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/core/port_time.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::model {

// PortRequests (accelerator.hpp) of one operand.
struct StrictRequests {
  double bits = 0;          // that one moves at most; 0: a row
  double cycles = 0;        // that one takes at least
  double burst = 0;         // 0: words
  double efficiency = 1;    // share of the cycles in which data moves
  bool whole_tiles = true;  // a tile is one row
  std::uint32_t rows = 0;   // else: loop dimensions along which elements lie together
};

struct Moved {
  double words = 0;
  double cycles = 0;
};

// `elements` in rows of `row` elements of `bits` each. `word`: bits; not 0.
inline Moved requested(double elements, double row, double bits, const Divisor& word,
                       const StrictRequests& requests) {
  if (elements <= 0 || row <= 0) return {};
  double rest = row * bits;
  if (requests.burst > 0) rest = rounded_up(rest / requests.burst) * requests.burst;
  Moved one;
  const auto request = [&](double size, double count) {
    const double words = rounded_up(word.divides(size));
    one.words += count * words;
    one.cycles += count * std::max(words, requests.cycles);
  };
  if (requests.bits > 0 && rest > requests.bits) {
    const double full = truncated(rest / requests.bits);
    request(requests.bits, full);
    rest -= full * requests.bits;
  }
  if (rest > 0) request(rest, 1);
  const double rows = elements / row;
  return {one.words * rows, rounded_up(one.cycles * rows / requests.efficiency)};
}

}  // namespace ridgeline::model
