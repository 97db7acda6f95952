// Loops over threads.
#pragma once

#include <cstddef>
#include <functional>

namespace ridgeline::engine {

// Calls body(0) to body(count - 1) on so many threads; one thread: in order, here. What a body
// throws reaches the caller.
void parallel_for(int threads, std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace ridgeline::engine
