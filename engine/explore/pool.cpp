#include "engine/explore/pool.hpp"

#include <tbb/task_arena.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/explore/crash_note.hpp"
#include "engine/explore/reporting.hpp"
#include "engine/run/failure.hpp"
#include "engine/run/threads.hpp"
#include "io/document/printable.hpp"

namespace ridgeline::engine {

struct Pool::State {
  State(Evaluator& e, const Front& f, PoolOptions o)
      : evaluator(e),
        front(f),
        options(std::move(o)),
        arena(options.threads, static_cast<unsigned>(options.threads)) {}

  struct Item {
    std::uint64_t id = 0;
    std::uint32_t blocks = 0;
    bool design = false;
  };

  // What a thread does. TBB may lack the memory to let it in.
  void enter() {
    try {
      arena.execute([this] { serve(); });
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!trouble) trouble = std::current_exception();
      stopping = true;
      queue.clear();
      attention.notify_one();
    }
  }

  // Takes items until the pool is left.
  void serve() {
    const AlternateStack for_crash_notes;
    std::unique_lock lock(mutex);
    for (;;) {
      work.wait(lock, [&] { return leaving || !queue.empty(); });
      if (leaving) return;
      const Item item = queue.front();
      queue.pop_front();
      ++busy;
      lock.unlock();
      std::exception_ptr thrown;
      try {
        Finished one = work_on(item);
        lock.lock();
        for (auto& candidate : one.candidates) finished.candidates.push_back(std::move(candidate));
        for (auto& design : one.designs) finished.designs.push_back(std::move(design));
      } catch (...) {
        thrown = std::current_exception();
      }
      if (!lock.owns_lock()) lock.lock();
      --busy;
      if (thrown && !trouble) {
        trouble = std::move(thrown);
        troubled = item;
        stopping = true;  // nothing more is begun, and no result is kept of what this concerns
        queue.clear();
      }
      if (queue.empty() || finished.candidates.size() >= kManyFinished || trouble)
        attention.notify_one();
    }
  }

  // Throws what is of the machine: that is no property of the design.
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
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      if (of_the_machine(error)) throw;
      // A search that was asked to stop may fail in its own way.
      if (stopping) return {};
      fail(item, words_of(error), one);
    }
    return one;
  }

  static std::string words_of(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      return e.what();
    } catch (...) {
      return "unknown exception";
    }
  }

  Candidate evaluate(const Item& item, const StopCheck& stop) {
    Bound hopeless = Bound::none;
    const GiveUp give_up = [&](const Metrics& bound, Bound which) {
      const bool asked = which == Bound::none;  // and nothing is to be noted
      if (hopeless == Bound::none || asked) {
        const bool dominated =
            front.dominates(objective_vector(options.objectives, bound), item.blocks);
        if (asked) return dominated;
        if (dominated) hopeless = which;
      }
      return hopeless != Bound::none && options.prune;
    };
    Candidate candidate;
    try {
      candidate = evaluator.evaluate(item.id, give_up, stop);
    } catch (const std::exception& error) {
      if (stopping || of_the_machine(std::current_exception())) throw;
      candidate = failed(item.id, error.what());
    }
    candidate.hopeless = hopeless;
    candidate.message = io::printable(candidate.message);
    if (candidate.status == CandidateStatus::ok)
      for (const io::Metric objective : options.objectives)
        if (!std::isfinite(candidate.metrics[static_cast<std::size_t>(objective)])) {
          candidate.status = CandidateStatus::error;
          candidate.message = std::string(model::to_string(objective)) + " is not a finite number";
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
    candidate.message = io::printable(why);
    return candidate;
  }

  void leave() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      leaving = true;
    }
    work.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  Evaluator& evaluator;
  const Front& front;
  const PoolOptions options;
  // What an evaluation spreads over threads stays among the pool's own: the arena has room for no
  // others, for TBB ends the program where the system does not give it a thread
  // (engine/run/team.cpp).
  tbb::task_arena arena;
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable work;
  std::condition_variable attention;
  bool leaving = false;
  std::deque<Item> queue;
  Finished finished;
  int busy = 0;                  // threads that work on an item
  std::exception_ptr trouble;    // of the machine
  std::optional<Item> troubled;  // what was being evaluated then
  bool told = false;             // that there was
  std::vector<std::thread> threads;
};

Pool::Pool(Evaluator& evaluator, const Front& front, PoolOptions options)
    : state_(std::make_unique<State>(evaluator, front, std::move(options))) {
  const int wanted = state_->options.threads;
  // Before there are others: where it has no memory for the arena, TBB throws in the thread that
  // makes it, and lets all that come after wait for ever.
  state_->arena.initialize();
  State* const state = state_.get();
  start_threads(
      state->threads, 0, wanted, [state](int) { state->enter(); }, [state] { state->leave(); });
}

Pool::~Pool() {
  state_->leave();
}

std::size_t Pool::submit(const Chunk& chunk) {
  std::size_t held = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return 0;
    for (std::size_t i = 0; i < chunk.genomes.size(); ++i)
      state_->evaluator.learn(chunk.ids[i], chunk.genomes[i]);
    for (const std::uint64_t id : chunk.ids)
      state_->queue.push_back({id, chunk.front, chunk.designs});
    held = state_->queue.size() + static_cast<std::size_t>(state_->busy);
  }
  state_->work.notify_all();
  return held;
}

Finished Pool::collect(std::chrono::microseconds wait) {
  std::unique_lock lock(state_->mutex);
  const auto attention = [&] {
    return state_->finished.candidates.size() >= kManyFinished || state_->trouble != nullptr ||
           (state_->queue.empty() && !state_->finished.empty());
  };
  if (wait.count() > 0) state_->attention.wait_for(lock, wait, attention);
  Finished taken;
  std::swap(taken, state_->finished);
  if (taken.empty() && state_->trouble != nullptr && !state_->told) {
    state_->told = true;
    const std::optional<State::Item> item = state_->troubled;
    lock.unlock();
    const std::string what = failure_of(state_->trouble).what;
    if (!item) throw MachineError(what);
    throw MachineError(what + ", while candidate " + std::to_string(item->id) +
                       " was evaluated; that is no property of the design");
  }
  return taken;
}

bool Pool::hungry() const {
  const std::lock_guard lock(state_->mutex);
  return state_->queue.empty();
}

bool Pool::stop(std::chrono::milliseconds wait) {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->queue.clear();
  return state_->attention.wait_for(lock, wait, [&] { return state_->busy == 0; });
}

}  // namespace ridgeline::engine
