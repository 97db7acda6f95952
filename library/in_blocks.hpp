// Rows of the caller's arrays, in blocks for threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/run/team.hpp"
#include "ridgeline/ridgeline.h"

namespace ridgeline {

// Calls `run(begin, end)` for blocks of at most `block` of `count` rows. RIDGELINE_IO_FAILED where
// one throws, which is the machine's doing: no memory, no thread.
template <class Run>
int in_blocks(std::int64_t count, std::int64_t block, int threads, const Run& run) {
  try {
    const auto blocks = static_cast<std::size_t>((count + block - 1) / block);
    const auto most = std::max<std::size_t>(blocks, 1);
    engine::Team(static_cast<int>(std::min<std::size_t>(std::max(threads, 1), most)))
        .run(blocks, [&](std::size_t b, int) {
          const std::int64_t begin = static_cast<std::int64_t>(b) * block;
          run(begin, std::min(count, begin + block));
        });
  } catch (...) {
    return RIDGELINE_IO_FAILED;
  }
  return RIDGELINE_OK;
}

}  // namespace ridgeline
