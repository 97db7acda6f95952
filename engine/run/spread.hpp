// One search on several processes: each runs the same search and evaluates its share of every
// batch, then all know all figures. So every process asks for the same batches, and what comes out
// is what one process alone finds, to the byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "model/system/scheduler.hpp"

namespace ridgeline::engine {

// What is exchanged of one schedule.
struct SpreadFigures {
  model::ScheduleFigures figures;
  std::uint64_t mappings = 0;  // evaluated for the way to cut it
};
static_assert(std::is_trivially_copyable_v<SpreadFigures>);

class Spread {
 public:
  virtual ~Spread() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool mine(std::size_t element) const {
    return element % static_cast<std::size_t>(size()) == static_cast<std::size_t>(rank());
  }
  // Replaces the elements that are others' by theirs. True where `stop` is on any process; all are
  // told the same. Called by one thread, on every process equally often.
  virtual bool exchange(std::vector<SpreadFigures>& batch, bool stop) = 0;
  // To be called at the end, whatever happened: waits for the others, but not for ever; where they
  // do not come, ends the process with `code`.
  virtual void finish(int code) = 0;
};

// Initialises MPI. Null without a launcher, or with one process.
std::unique_ptr<Spread> launched_spread();

}  // namespace ridgeline::engine
