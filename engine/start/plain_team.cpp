// The team of the program that is started first: without TBB, whose loading, with that of the C++
// library beside the one that is linked in, takes longer than most layers take to map. In place of
// engine/run/team.cpp, with which it has its tests in common.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/run/team.hpp"
#include "engine/run/threads.hpp"

namespace ridgeline::engine {

namespace {

// A loop that is under way.
struct Loop {
  const std::function<void(std::size_t, int)>* body;
  std::size_t count;
  const Loop* around;       // the loop of whose body it is a part
  std::size_t next = 0;     // item
  int at_work = 0;          // members that are in the middle of an item
  std::size_t failed = -1;  // earliest item that threw; none: the largest number
  std::exception_ptr error{};

  bool has_more() const { return next < count && next < failed; }
  bool is_over() const { return !has_more() && at_work == 0; }
  bool is_within(const Loop* other) const {
    const Loop* loop = this;
    while (loop != nullptr && loop != other) loop = loop->around;
    return loop == other;
  }
};

}  // namespace

struct Team::State {
  explicit State(int members) : within(static_cast<std::size_t>(members), nullptr) {
    loops.reserve(within.size());
  }

  int member() const {
    const std::thread::id self = std::this_thread::get_id();
    for (std::size_t i = 0; i < threads.size(); ++i) {
      if (threads[i].get_id() == self) return static_cast<int>(i) + 1;
    }
    return 0;
  }

  // Does an item of the loop that was begun last of those within `around` (null: of all). Returns
  // false if there is none. The lock is held before and after.
  bool help(std::unique_lock<std::mutex>& lock, int self, const Loop* around) {
    const auto found = std::find_if(loops.rbegin(), loops.rend(), [&](const Loop* loop) {
      return loop->has_more() && (around == nullptr || loop->is_within(around));
    });
    if (found == loops.rend()) return false;
    Loop& loop = **found;
    const std::size_t item = loop.next++;
    ++loop.at_work;
    const Loop*& own = within[static_cast<std::size_t>(self)];
    const Loop* const before = own;
    own = &loop;
    lock.unlock();
    std::exception_ptr error;
    try {
      (*loop.body)(item, self);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    own = before;
    if (error && item < loop.failed) {
      loop.failed = item;
      loop.error = error;
    }
    --loop.at_work;
    if (loop.is_over()) changed.notify_all();
    return true;
  }

  void serve(int self) {
    std::unique_lock lock(mutex);
    while (!leaving) {
      if (!help(lock, self, nullptr)) changed.wait(lock);
    }
  }

  void leave() {
    {
      const std::lock_guard lock(mutex);
      leaving = true;
    }
    changed.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  std::mutex mutex;
  std::condition_variable changed;  // there is a loop more, or one is over, or all are to leave
  bool leaving = false;
  std::vector<Loop*> loops;         // the last one begun is last
  std::vector<const Loop*> within;  // by member: the loop of which it does an item
  std::vector<std::thread> threads;
};

Team::Team(int threads) : threads_(std::clamp(threads, 1, kMostThreads)) {
  if (threads_ == 1) return;
  state_ = std::make_unique<State>(threads_);
  // No member looks for itself before all are there: work comes from the one that makes the team.
  State* const state = state_.get();
  start_threads(
      state->threads, 1, threads_, [state](int i) { state->serve(i); },
      [state] { state->leave(); });
}

Team::~Team() {
  if (state_) state_->leave();
}

void Team::run(std::size_t count, const std::function<void(std::size_t, int)>& body) {
  if (!state_ || count <= 1) {
    const int self = state_ ? state_->member() : 0;
    for (std::size_t item = 0; item < count; ++item) body(item, self);
    return;
  }
  const int self = state_->member();
  Loop loop{&body, count, nullptr};
  {
    std::unique_lock lock(state_->mutex);
    loop.around = state_->within[static_cast<std::size_t>(self)];
    state_->loops.push_back(&loop);
    state_->changed.notify_all();
    while (!loop.is_over()) {
      if (!state_->help(lock, self, &loop)) state_->changed.wait(lock);
    }
    std::erase(state_->loops, &loop);
  }
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace ridgeline::engine
