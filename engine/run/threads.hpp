// Threads that are started together, or not at all.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace ridgeline::engine {

// More would only wait.
inline constexpr int kMostThreads = 1024;

// Starts a thread for each of serve(first) to serve(count - 1). Where one cannot be started, calls
// `leave`, which ends and joins those that were, and throws MachineError.
void start_threads(std::vector<std::thread>& threads, int first, int count,
                   const std::function<void(int)>& serve, const std::function<void()>& leave);

}  // namespace ridgeline::engine
