// The books of a study: what is known, what is handed out to whom, what comes next.
//
// Pure bookkeeping: it knows neither messages nor clocks (moments are given to it, in
// seconds), so that tests and simulations can play any sequence of events. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/explore/candidate_store.hpp"
#include "engine/explore/front.hpp"
#include "search/designs/strategy.hpp"

namespace ridgeline::engine {

// Work that is handed to one worker in one message; all of one block.
struct Chunk {
  bool designs = false;     // documents of designs on the front, not evaluations
  std::uint32_t front = 0;  // evaluations: prune against the front of so many blocks
  std::vector<std::uint64_t> ids;
  std::vector<search::Genome> genomes;  // of the ids, where these are no places in the grid
};

struct LedgerOptions {
  std::uint64_t max_evaluations = 0;  // of this run; 0: no limit
  int kills_to_quarantine = 3;        // workers that an item may take with it
  double patience = 60;               // seconds after which an item may go to a second worker
  // What comes after a block is worked out in `look`, where it may take its time, not in `record`.
  bool deferred = false;
};

class Ledger {
 public:
  Ledger(std::unique_ptr<search::DesignStrategy> strategy, std::vector<io::Metric> objectives,
         LedgerOptions options);

  // Before start(): what earlier runs found.
  void restore(const Candidate& candidate);
  void restore(const DesignRecord& design);
  // After all results: a process of an earlier run crashed while it evaluated this one, or made
  // its documents. One that killed too many is known from now on, as an error.
  void restore_kill(std::uint64_t id, bool design);
  void start();

  // Worker 0 is the master itself, the one that must not die.
  // One that is not `present` is given nothing until `revive`.
  int add_worker(int threads, bool present = true);
  // Up to `limit` items for a worker; no ids where there is nothing for it now.
  Chunk take(int worker, std::size_t limit, double now);
  // How many more items a worker should hold now, given how fast it finishes them.
  std::size_t appetite(int worker) const;
  std::size_t outstanding(int worker) const { return workers_[size(worker)].held; }

  // False where the result was known already.
  bool record(int worker, const Candidate& candidate, double now);
  bool record(int worker, const DesignRecord& design, double now);
  // A worker is lost: its items are handed out again, alone, so that one that kills can be
  // told from the others. `crashed` says of which it left a note that it crashed while it worked on
  // them. Candidates that crashed too many are put into `left_out`.
  using Crashed = std::function<bool(std::uint64_t id, bool design)>;
  void lose(
      int worker, std::vector<Candidate>& left_out,
      const Crashed& crashed = [](std::uint64_t, bool) { return true; });
  // One that as many workers were lost with which left no note and were not heard of again: they
  // were killed, say for want of memory. That is no property of the candidate.
  std::optional<std::uint64_t> deadly() const;
  // A worker that was given up is heard of again.
  void revive(int worker);
  bool alive(int worker) const { return workers_[size(worker)].alive; }

  // Whether the strategy has not found its next block yet; `look` asks it again.
  bool looking() const { return looking_; }
  // Whether `look` has something to do.
  bool due() const { return looking_ || (!blocks_.empty() && blocks_.front().missing == 0); }
  void look() {
    if (due()) advance();
  }

  bool evaluated_all() const { return exhausted_ && blocks_.empty(); }
  bool complete() const { return evaluated_all() && missing_designs_ == 0; }
  // Whether --max-evaluations is reached.
  bool budget_spent() const;

  const CandidateStore& known() const { return known_; }
  const Front& front() const { return front_; }
  Front& front() { return front_; }
  const std::vector<DesignRecord>& designs() const { return designs_; }
  std::uint32_t completed_blocks() const { return completed_; }
  // Oldest front (by its number of blocks) that anything still open is pruned against.
  std::uint32_t oldest_front() const { return front_of(completed_); }
  // What an id stands for; empty: a place in the grid.
  search::Genome genome(std::uint64_t id) const { return strategy_->genome(id); }
  std::uint64_t expected() const { return strategy_->expected(); }
  // Of `expected()`: candidates that are known, without further schedules of a design.
  std::uint64_t done() const { return done_; }
  std::uint64_t evaluated_now() const { return evaluated_now_; }
  std::uint64_t reissued() const { return reissued_; }
  // Worst value of each objective in the first block, in the sense of smaller is better; empty
  // until that block is complete.
  const std::vector<double>& reference() const { return reference_; }
  // Points that no design of the study's space can be better than: figures of those that are
  // proven, what others are at least, smaller is better. Absent where that is not known.
  std::optional<std::vector<std::vector<double>>> at_best() const;

 private:
  struct Item {
    std::uint64_t id = 0;
    std::uint32_t block = 0;
  };
  struct Block {
    std::vector<std::uint64_t> ids;
    std::size_t missing = 0;
  };
  // An item without a result.
  struct Open {
    std::uint32_t block = 0;
    int holder = kNobody;  // who works on it
    int second = kNobody;  // too
    double since = 0;      // when the first of them was given it
    bool held_by(int worker) const { return holder == worker || second == worker; }
  };
  struct Worker {
    int threads = 1;
    bool alive = true;
    std::size_t held = 0;  // items whose result is awaited from it
    double rate = 0;       // items a second
    double counted_since = 0;
    double counted_until = 0;  // when it was last heard of
    std::uint64_t counted = 0;
  };

  static constexpr std::uint32_t kDesigns = 0xffffffff;
  static constexpr int kNobody = -1;
  static std::size_t size(int worker) { return static_cast<std::size_t>(worker); }

  // False, and nothing changes, where it is known.
  bool know(const Candidate& candidate);
  search::Fitness fitness_of(std::uint64_t id) const;
  void advance();
  void begin_designs();
  void open(std::uint64_t id, std::uint32_t block);
  std::string quarantine_reason() const;
  // A result came from `worker`: what it was awaited for, where it was not known already.
  std::optional<Open> settle(int worker, std::uint64_t id, bool design, double now);
  void count_rate(Worker& worker, double began, double now);
  bool holds_suspect(int worker) const;
  std::uint32_t front_of(std::uint32_t block) const;
  // False: the worker is kept free of everything but suspects.
  bool take_suspect(int worker, Chunk& chunk, double now);
  void take_overdue(int worker, Chunk& chunk, double now);
  void hand_out(int worker, const Item& item, Chunk& chunk, double now);

  std::unique_ptr<search::DesignStrategy> strategy_;
  std::vector<io::Metric> objectives_;
  LedgerOptions options_;
  CandidateStore known_;
  Front front_;
  std::vector<double> reference_;
  std::vector<DesignRecord> designs_;
  std::unordered_set<std::uint64_t> have_design_;
  std::size_t missing_designs_ = 0;
  bool designs_begun_ = false;

  std::deque<Block> blocks_;  // from block `completed_` on
  std::uint32_t completed_ = 0;
  bool exhausted_ = false;
  bool looking_ = false;
  std::unordered_map<std::uint64_t, Open> open_;
  // Who still works on what another has finished.
  std::unordered_multimap<std::uint64_t, int> late_;
  std::unordered_set<std::uint64_t> counted_;  // only where blocks may repeat ids

  std::deque<Item> pending_;
  std::deque<Item> suspects_;
  std::unordered_map<std::uint64_t, int> kills_;
  std::unordered_map<std::uint64_t, std::vector<int>> lost_with_;  // workers without a note
  int isolated_ = -1;  // worker that is drained to take suspects
  std::vector<Worker> workers_;
  std::uint64_t done_ = 0;
  std::uint64_t evaluated_now_ = 0;
  std::uint64_t reissued_ = 0;
  std::uint64_t handed_evaluations_ = 0;  // that someone works on
  std::size_t handed_ = 0;                // the same, of designs too
  int alive_threads_ = 0;
  double longest_ = 0;
  double next_overdue_look_ = 0;
};

}  // namespace ridgeline::engine
