// A workload on one core, depth first: what `ridgeline evaluate --depth-first` does.
//
// Safe to call from several threads at once. Throws io::InputError, io::FileError, UsageError,
// Cancelled. A stack that is not feasible is no error: the result says so, with the others.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/calls/evaluate.hpp"
#include "io/results/depth_first_writer.hpp"
#include "search/depth_first/fusion_search.hpp"

namespace ridgeline::engine {

struct DepthFirstOptions {
  EvaluateOptions evaluate;        // documents, mapper, threads
  bool defines = false;            // the reference's rules and its cost model
  std::string tile = "search";     // "X,Y"; "X1/X2,Y1/Y2" is a grid of them; "search"; "all"
  std::string overlap = "search";  // one or more ways, with commas; "search"
  std::string stacks;              // "auto", "search", a document's path; empty: auto
  bool quick = false;              // no proof
};

// Stays where it is made: the report refers to it.
struct DepthFirst {
  std::string workload;
  model::Accelerator accelerator;
  model::MappingSpec mapping;
  search::FusionOptions options;
  search::FusionResult result;
  std::string tile;
  std::string overlap;
  std::string stacks;
  double seconds = 0;
  std::vector<io::MissingArithmetic> missing;
  std::vector<std::string> notes;

  io::DepthFirstReport report() const {
    return {workload, accelerator, options, result, tile, overlap, stacks, seconds, missing, notes};
  }
  const search::FusionPoint& best() const { return result.points[result.best]; }
};

std::unique_ptr<const DepthFirst> depth_first(const DepthFirstOptions& options,
                                              const Hooks& hooks = {});

}  // namespace ridgeline::engine
