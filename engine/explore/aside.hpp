// Long work beside the thread that must go on answering messages and signals.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace ridgeline::engine {

// One thread of its own that does one job at a time. Its owner, one thread, may touch what the
// job uses only before start() and after done() said true.
class Aside {
 public:
  // Throws MachineError where the thread cannot be started.
  Aside();
  ~Aside();  // waits for the job
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

  // Precondition: no job is under way.
  void start(std::function<void()> job);
  // Whether the job is done, waiting for up to `wait`; throws what it threw, once.
  bool done(std::chrono::microseconds wait);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;
  std::exception_ptr error_;
  bool busy_ = false;
  bool leaving_ = false;
  std::thread thread_;
};

}  // namespace ridgeline::engine
