// Tells people how a study goes: a line that renews itself on a terminal, one line a minute in
// a batch log.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "engine/calls/hooks.hpp"
#include "engine/explore/ledger.hpp"

namespace ridgeline::engine {

// Of what the ledger knows; NaN where it would take too long or there is no reference yet.
double hypervolume_of(const Ledger& ledger);

// The share of the hypervolume that may be missing: that of the front and all that designs could
// still attain by their bounds, less that of the front, over the former. 0: the front is proven.
// NaN where the bounds of all designs are not known, or are too many.
double gap_of(const Ledger& ledger);

class Progress {
 public:
  // `hooks`: who is told instead of standard error; null: nobody.
  Progress(bool quiet, bool verbose, const Hooks* hooks = nullptr);
  // A line of its own, whatever the progress line shows.
  void say(const std::string& text);
  void detail(const std::string& text);  // with --verbose
  // Shows the state if it is time to; `seconds` since the start of this run.
  void show(const Ledger& ledger, double seconds, bool now = false);
  void finish();

 private:
  const Hooks* hooks_;
  bool quiet_;
  bool verbose_;
  bool terminal_;
  bool line_open_ = false;
  double next_ = 0;
  std::uint64_t known_at_start_ = 0;
  bool begun_ = false;
  std::deque<std::pair<double, std::uint64_t>> recent_;  // seconds, known
};

}  // namespace ridgeline::engine
