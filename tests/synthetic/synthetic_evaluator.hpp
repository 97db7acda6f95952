// Figures that are arithmetic of the value indices, after a given time: for tests and measurements
// of how studies are run.
#pragma once

#include <memory>
#include <string>

#include "engine/explore/evaluator.hpp"

namespace ridgeline::engine {

// `options` is a list such as "seconds=0.01,spread=3,busy,throw=17,abort=40,infeasible=5":
//   seconds     of each evaluation, on average; `spread`: the longest is so many times the mean
//   busy        computes instead of sleeping
//   throw, abort, overflow   ids whose evaluation throws, ends the process, or needs more stack
//               than there is
//   memory      id whose evaluation finds no memory
//   infeasible  every so manieth id is infeasible
std::unique_ptr<Evaluator> synthetic_evaluator(const io::Study& study, const std::string& options);

}  // namespace ridgeline::engine
