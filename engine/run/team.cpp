#include "engine/run/team.hpp"

#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/run/threads.hpp"

namespace ridgeline::engine {

// TBB starts its workers one from the other, and a thread that the system does not give ends the
// program from within. So the threads are ours, and the arena has room for no others.
struct Team::State {
  explicit State(int members) : arena(members, static_cast<unsigned>(members)) {
    // Before there are others: where it has no memory for the arena, TBB throws in the thread that
    // makes it, and lets all that come after wait for ever.
    arena.initialize();
  }

  // Helps in loops that are under way, and waits for the next one.
  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return leaving || loops > 0; });
      if (leaving) return;
      lock.unlock();
      try {
        help();
      } catch (...) {
        return;  // no memory even to help: the others do it all
      }
      lock.lock();
    }
  }

  void help() {
    arena.execute([&] {
      tbb::task_group gate;  // who waits for it takes what there is to be done in the arena
      {
        const std::lock_guard open(mutex);
        if (loops == 0) return;
        gates.push_back(gate.defer([] {}));
      }
      gate.wait();
    });
  }

  void begin_loop() {
    {
      const std::lock_guard lock(mutex);
      ++loops;
    }
    changed.notify_all();
  }

  void end_loop() {
    const std::lock_guard lock(mutex);
    if (--loops == 0) gates.clear();  // a gate whose task is gone is open
  }

  void leave() {
    {
      const std::lock_guard lock(mutex);
      leaving = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  tbb::task_arena arena;
  std::mutex mutex;
  std::condition_variable changed;
  bool leaving = false;
  int loops = 0;  // under way, those within others included
  std::vector<tbb::task_handle> gates;
  std::vector<std::thread> threads;
};

Team::Team(int threads) : threads_(std::clamp(threads, 1, kMostThreads)) {
  if (threads_ == 1) return;
  state_ = std::make_unique<State>(threads_);
  state_->gates.reserve(static_cast<std::size_t>(threads_));
  State* const state = state_.get();
  start_threads(
      state->threads, 1, threads_, [state](int) { state->serve(); }, [state] { state->leave(); });
}

Team::~Team() {
  if (state_) state_->leave();
}

void Team::run(std::size_t count, const std::function<void(std::size_t, int)>& body) {
  if (!state_ || count <= 1) {
    const int member = state_ ? std::max(0, tbb::this_task_arena::current_thread_index()) : 0;
    for (std::size_t item = 0; item < count; ++item) body(item, member);
    return;
  }
  std::mutex mutex;
  std::size_t failed = count;  // earliest item that threw
  std::exception_ptr error;
  std::atomic<std::size_t> done{0};
  const auto one = [&](std::size_t item) {
    {
      const std::lock_guard lock(mutex);
      if (item > failed) return;
    }
    try {
      body(item, tbb::this_task_arena::current_thread_index());
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (item < failed) {
        failed = item;
        error = std::current_exception();
      }
    }
    // TBB orders all of this by itself; so does this, for those who cannot see into TBB.
    done.fetch_add(1, std::memory_order_release);
  };
  { const std::lock_guard lock(mutex); }  // likewise: what came before, before the first item
  state_->begin_loop();
  try {
    state_->arena.execute([&] {
      // Isolated, because who waits for the rest of this loop must not begin what is outside of it.
      tbb::this_task_arena::isolate([&] {
        // One item a task: the time they take differs by orders of magnitude.
        tbb::parallel_for(
            tbb::blocked_range<std::size_t>(0, count, 1),
            [&](const tbb::blocked_range<std::size_t>& range) {
              for (std::size_t i = range.begin(); i != range.end(); ++i) one(i);
            },
            tbb::simple_partitioner());
      });
    });
  } catch (...) {
    state_->end_loop();
    throw;
  }
  state_->end_loop();
  done.load(std::memory_order_acquire);
  if (error) std::rethrow_exception(error);
}

}  // namespace ridgeline::engine
