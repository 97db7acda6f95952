// A study in this process alone, as a call: what `ridgeline explore` does without a launcher.
#pragma once

#include "engine/explore/explore_options.hpp"
#include "engine/explore/study_folder.hpp"

namespace ridgeline::engine {

struct Explored {
  int code = 0;  // exit code: done, nothing feasible, or stopped early (resumable)
  bool already_complete = false;
};

// Writes the study file at options.output. Throws io::InputError, io::FileError, MachineError; what
// Hooks::stop ends is no exception but a code. At most one call at a time in a process: the HDF5
// library is entered by one thread.
Explored explore(ExploreOptions options, const Hooks& hooks);

// Gives the evaluator the figures that another study, or this one before it was extended, has
// found.
void recall(const io::Study& study, const StudyFolder& folder, Evaluator& evaluator);

}  // namespace ridgeline::engine
