// How long a search may go on, and how much memory it may hold. Every search takes one.
//
// Knows no clock: the engine says when to end. A search that is asked to end returns what it
// knows by then.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

namespace ridgeline::search {

struct Budget {
  // Whether to end now; empty: never. Once true, it stays true for the same search. May be called
  // from several threads at the same time.
  std::function<bool()> stop;
  // Bytes that one search may hold by its own count; searches at the same time have one share
  // each. Results that are found do not depend on it; 0: as much as the search likes.
  std::int64_t bytes = 0;

  bool stopped() const { return stop && stop(); }
};

// Asks a budget at every `every`-th step, so that small steps do not pay for a look at the clock.
class Watch {
 public:
  explicit Watch(const Budget& budget, int every = 1024)
      : stop_(budget.stop), every_(every), left_(every) {}

  // Whether to end; stays true. Counts `steps` steps.
  bool stopped(int steps = 1) {
    if (stopped_ || !stop_) return stopped_;
    left_ -= steps;
    if (left_ > 0) return false;
    left_ = every_;
    return stopped_ = stop_();
  }
  // Asks at once.
  bool stopped_now() {
    left_ = 0;
    return stopped(0);
  }

 private:
  std::function<bool()> stop_;
  int every_;
  int left_;
  bool stopped_ = false;
};

// Counts the bytes that a search holds against its budget.
class ByteCount {
 public:
  explicit ByteCount(const Budget& budget)
      : limit_(budget.bytes > 0 ? budget.bytes : std::numeric_limits<std::int64_t>::max()) {}

  // False, and nothing is taken, where it is more than is left.
  bool take(std::int64_t bytes) {
    if (bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }
  void give_back(std::int64_t bytes) { used_ -= bytes; }
  std::int64_t used() const { return used_; }
  std::int64_t left() const { return limit_ - used_; }

 private:
  std::int64_t limit_;
  std::int64_t used_ = 0;
};

}  // namespace ridgeline::search
