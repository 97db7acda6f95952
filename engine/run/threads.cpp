#include "engine/run/threads.hpp"

#include <cstddef>
#include <system_error>

#include "engine/run/failure.hpp"

namespace ridgeline::engine {

void start_threads(std::vector<std::thread>& threads, int first, int count,
                   const std::function<void(int)>& serve, const std::function<void()>& leave) {
  try {
    threads.reserve(static_cast<std::size_t>(count - first));
    for (int i = first; i < count; ++i) threads.emplace_back(serve, i);
  } catch (const std::system_error& error) {
    const std::size_t there = threads.size() + static_cast<std::size_t>(first);
    leave();
    throw MachineError(no_thread(there, count, error.code()));
  } catch (...) {
    leave();
    throw;
  }
}

}  // namespace ridgeline::engine
