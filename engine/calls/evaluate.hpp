// A workload on one single-core accelerator: what `ridgeline evaluate` and the library's call do.
//
// Safe to call from several threads at once. Throws io::InputError, io::FileError, UsageError,
// Cancelled. A layer without a feasible mapping is no error: the result says so.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/calls/hooks.hpp"
#include "io/inputs/mapping_precision.hpp"
#include "io/results/evaluation_writer.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::engine {

struct EvaluateOptions {
  // Paths, or JSON text in their place (io/document/given.hpp).
  std::string workload;
  std::string accelerator;
  std::string mapping;  // empty: usual links, all spatial mappings are searched
  // `for_each` and the mapper's are filled in.
  search::WorkloadSearchOptions search;
  io::OnnxOptions onnx;  // dimensions, precisions, what is refused
  bool verbose = false;  // look for more that is worth a remark
  int threads = 1;
  // From the call on, for the searches of all layers together; 0: no limit. Layers share them, and
  // each has at least a first look.
  double search_seconds = 0;
};

// Everything that the writers of results read. Stays where it is made: the report refers to it.
struct Evaluated {
  model::Workload workload;
  model::Accelerator accelerator;
  model::MappingSpec mapping;
  io::EntryPrecisions precisions;         // of its entries
  search::WorkloadSearchOptions options;  // effective ones
  search::WorkloadResult result;
  std::vector<double> seconds;  // of each of result.problems
  std::vector<io::MissingArithmetic> missing;
  std::vector<std::string> notes;
  double leakage = 0;  // mW, as technology tables tell it

  io::EvaluationReport report() const {
    return {workload, accelerator, options, result, seconds, missing, notes, leakage};
  }
  // The result with everything that is known of it (docs/results.md, "Details").
  std::string full_json() const { return io::evaluation_full_json_text(report(), mapping); }
};

// Reads and checks workload, accelerator and mapping alone.
void read_inputs(const EvaluateOptions& options, const Hooks& hooks, Evaluated& evaluated);

std::unique_ptr<const Evaluated> evaluate(const EvaluateOptions& options, const Hooks& hooks = {});

}  // namespace ridgeline::engine
