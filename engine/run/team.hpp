// A team of threads that goes through lists of items together.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace ridgeline::engine {

class Team {
 public:
  // The thread that makes the team is its member 0. Throws MachineError where another cannot be
  // started.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return threads_; }
  // Calls body(item, member) for items 0 to count - 1; with one thread in order, here. To be called
  // by members only; a body may call it again: who is idle then helps. Of what bodies throw, the
  // caller gets one exception, that of the earliest item that threw; what was not begun by then is
  // left out.
  void run(std::size_t count, const std::function<void(std::size_t item, int member)>& body);

 private:
  struct State;
  int threads_;
  std::unique_ptr<State> state_;  // none with one thread
};

}  // namespace ridgeline::engine
