#include "engine/explore/pool.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "engine/explore/crash_note.hpp"
#include "engine/explore/reporting.hpp"

namespace ridgeline::engine {
struct Pool::State : std::enable_shared_from_this<Pool::State> {
  State(Evaluator& e, const Front& f, PoolOptions o)
      : evaluator(e),
        front(f),
        options(std::move(o)),
        // The thread that submits does not evaluate, so one more than the pool's.
        control(tbb::global_control::max_allowed_parallelism,
                static_cast<std::size_t>(options.threads) + 1),
        arena(options.threads, 0) {}

  struct Item {
    std::uint64_t id = 0;
    std::uint32_t blocks = 0;
    bool design = false;
  };

  // Takes items until none is left.
  void pump() {
    std::unique_lock lock(mutex);
    while (!queue.empty()) {
      const Item item = queue.front();
      queue.pop_front();
      lock.unlock();
      Finished one = work_on(item);
      lock.lock();
      for (auto& candidate : one.candidates) finished.candidates.push_back(std::move(candidate));
      for (auto& design : one.designs) finished.designs.push_back(std::move(design));
      if (queue.empty() || finished.candidates.size() >= kManyFinished) attention.notify_one();
    }
    --pumps;
    attention.notify_one();
  }

  Finished work_on(const Item& item) {
    Finished one;
    const Evaluating now({item.id, item.design});
    const StopCheck stop = [this] { return stopping.load(std::memory_order_relaxed); };
    try {
      if (item.design)
        one.designs.push_back(evaluator.describe(item.id, stop));
      else
        one.candidates.push_back(evaluate(item, stop));
    } catch (const Stopped&) {
      one = {};
    } catch (const std::exception& error) {
      fail(item, error.what(), one);
    } catch (...) {
      fail(item, "unknown exception", one);
    }
    return one;
  }

  Candidate evaluate(const Item& item, const StopCheck& stop) {
    bool hopeless = false;
    const GiveUp give_up = [&](const Metrics& bound) {
      hopeless = front.dominates(objective_vector(options.objectives, bound), item.blocks);
      return hopeless && options.prune;
    };
    Candidate candidate;
    try {
      candidate = evaluator.evaluate(item.id, give_up, stop);
    } catch (const std::exception& error) {
      candidate = failed(item.id, error.what());
    }
    candidate.hopeless = hopeless;
    if (candidate.status == CandidateStatus::ok)
      for (const io::Metric objective : options.objectives)
        if (!std::isfinite(candidate.metrics[static_cast<std::size_t>(objective)])) {
          candidate.status = CandidateStatus::error;
          candidate.message = std::string(io::to_string(objective)) + " is not a finite number";
          candidate.metrics = {};
          break;
        }
    return candidate;
  }

  static void fail(const Item& item, const std::string& why, Finished& one) {
    one = {};
    if (item.design) {
      one.designs.push_back({item.id, {{"error", why}}});
      return;
    }
    one.candidates.push_back(failed(item.id, why));
  }

  static Candidate failed(std::uint64_t id, const std::string& why) {
    Candidate candidate;
    candidate.id = id;
    candidate.status = CandidateStatus::error;
    candidate.message = why;
    return candidate;
  }

  Evaluator& evaluator;
  const Front& front;
  const PoolOptions options;
  tbb::global_control control;
  tbb::task_arena arena;
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable attention;
  std::deque<Item> queue;
  Finished finished;
  int pumps = 0;  // tasks that take items
};

Pool::Pool(Evaluator& evaluator, const Front& front, PoolOptions options)
    : state_(std::make_shared<State>(evaluator, front, std::move(options))) {}

Pool::~Pool() {
  stop(std::chrono::hours(1));
}

std::size_t Pool::submit(const Chunk& chunk) {
  int start = 0;
  std::size_t held = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return 0;
    for (const std::uint64_t id : chunk.ids)
      state_->queue.push_back({id, chunk.front, chunk.designs});
    const int wanted =
        static_cast<int>(std::min<std::size_t>(state_->queue.size(), state_->options.threads));
    held = state_->queue.size() + static_cast<std::size_t>(state_->pumps);
    start = std::max(0, wanted - state_->pumps);
    state_->pumps += start;
  }
  // Each keeps the state alive: an evaluation that does not end may outlive the pool.
  for (int i = 0; i < start; ++i) state_->arena.enqueue([state = state_] { state->pump(); });
  return held;
}

Finished Pool::collect(std::chrono::microseconds wait) {
  std::unique_lock lock(state_->mutex);
  const auto attention = [&] {
    return state_->finished.candidates.size() >= kManyFinished ||
           (state_->queue.empty() && !state_->finished.empty());
  };
  if (wait.count() > 0) state_->attention.wait_for(lock, wait, attention);
  Finished taken;
  std::swap(taken, state_->finished);
  return taken;
}

bool Pool::hungry() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.empty();
}

bool Pool::stop(std::chrono::milliseconds wait) {
  state_->stopping = true;
  std::unique_lock lock(state_->mutex);
  state_->queue.clear();
  return state_->attention.wait_for(lock, wait, [&] { return state_->pumps == 0; });
}

}  // namespace ridgeline::engine
