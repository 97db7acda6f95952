// What `ridgeline explore` was asked to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/calls/hooks.hpp"
#include "engine/explore/evaluator.hpp"

namespace ridgeline::engine {

struct ExploreOptions {
  std::filesystem::path study;
  std::filesystem::path output;
  bool resume = false;
  bool force = false;   // overwrite what is at `output`
  bool extend = false;  // what is at `output` has fewer designs of the same kind
  bool keep = false;    // journals and snapshots of a complete study
  bool dry_run = false;
  bool prune = true;
  bool quiet = false;
  bool verbose = false;
  int threads = 1;
  double checkpoint_every = 300;      // seconds; 0: only when asked to
  double time_limit = 0;              // seconds; 0: none
  std::uint64_t max_evaluations = 0;  // of this run; 0: no limit
  double worker_timeout = 60;         // seconds of silence after which a peer counts as lost
  double lock_wait = 10;              // seconds to wait for another run to end
  Evaluation evaluation;
  std::filesystem::path exit_code_file;  // empty: none
  std::string command;                   // line, for the study file
  // Of a call: it hears what is said and says when to stop, and nothing is printed, no signal
  // handler set and no process ended. Null: of the command.
  const Hooks* hooks = nullptr;
};

// Writes the exit code of the study to `exit_code_file`, for those who start it through a launcher
// that does not hand it on. A file that cannot be written is reported, and changes nothing.
void record_exit_code(const ExploreOptions& options, int code);

}  // namespace ridgeline::engine
