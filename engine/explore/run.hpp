// A run of a study: the loops of the master and of the workers.
#pragma once

#include "engine/explore/ledger.hpp"
#include "engine/explore/rank_work.hpp"
#include "engine/explore/signals.hpp"
#include "engine/explore/transport.hpp"

namespace ridgeline::engine {

struct RunEnd {
  int code = 0;             // exit code
  std::string failure;      // what of the machine ended the run; may be empty
  bool ranks_lost = false;  // some worker did not live to the end
  // An evaluation still runs: nothing that it may use can be destroyed.
  bool evaluating = false;
  bool stopped = false;  // before the study was complete, and not in a hurry
};

// How long to wait for the others at the end: some may be dead, and a launcher that is ending
// all of them leaves about a second.
inline double finalise_patience(const RunEnd& end) {
  return stop_request() == StopReason::at_once ? 0.2 : end.ranks_lost ? 1 : kFinalisePatience;
}

// Rank 0: hands out the work, evaluates too, and writes the study file.
RunEnd run_master(const RunContext& context, Transport& transport, Ledger& ledger,
                  const OpenedStudy& opened);
// Every other rank.
RunEnd run_worker(const RunContext& context, Transport& transport);

// How often a rank looks for messages: often while there is something to do, more and more
// rarely while its queue is full and nothing comes.
class Pace {
 public:
  explicit Pace(bool alone) : alone_(alone) {}
  std::chrono::microseconds wait() const {
    return std::chrono::microseconds(alone_ ? 20000 : wait_);
  }
  void after(bool something_happened, bool hungry) {
    if (something_happened || hungry)
      wait_ = 200;
    else
      wait_ = wait_ * 2 > 10000 ? 10000 : wait_ * 2;
  }

 private:
  bool alone_;
  int wait_ = 200;
};

}  // namespace ridgeline::engine
