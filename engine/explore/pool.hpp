// The threads of one rank that evaluate.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "engine/explore/candidate.hpp"
#include "engine/explore/evaluator.hpp"
#include "engine/explore/front.hpp"
#include "engine/explore/ledger.hpp"

namespace ridgeline::engine {

struct Finished {
  std::vector<Candidate> candidates;
  std::vector<DesignRecord> designs;
  bool empty() const { return candidates.empty() && designs.empty(); }
};

struct PoolOptions {
  std::vector<io::Metric> objectives;
  bool prune = true;
  int threads = 1;
};

// One thread, the same always, submits and collects. Items begin in the order in which they
// were submitted.
class Pool {
 public:
  // `evaluator` and `front` outlive it. Throws MachineError where a thread cannot be started.
  Pool(Evaluator& evaluator, const Front& front, PoolOptions options);
  ~Pool();  // stops, and waits until evaluations have ended

  // Returns how many items are now waiting or being evaluated.
  std::size_t submit(const Chunk& chunk);
  // Takes what is finished; waits for up to `wait` while nothing asks for attention: no item
  // waiting to be begun, or many finished. Where the machine let an evaluation down (memory,
  // threads, files), the pool has stopped: throws MachineError, once, behind what is finished.
  Finished collect(std::chrono::microseconds wait);
  bool hungry() const;  // nothing is waiting to be begun
  // Drops what is not begun and asks the evaluations to end; true once they did, at the
  // latest after `wait`.
  bool stop(std::chrono::milliseconds wait);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ridgeline::engine
