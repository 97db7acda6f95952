// What a cost model leaves out of a network: arithmetic and movement that no layer stands for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/onnx/onnx_graph.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

// Operators of one type without cost, all together.
struct MissingArithmetic {
  std::string type;        // "com.example.Op" for those of other domains
  std::int64_t count = 0;  // nodes
  double macs = 0;         // multiply-accumulates
  double operations = 0;   // elementary operations
  double bytes = 0;        // read and written, at the precision of activations
  bool unknown = false;    // nobody can say how much it is: unknown operators, loops
};

// The same of one workload of several.
struct MissingOfWorkload {
  std::string workload;
  std::vector<MissingArithmetic> list;
};

// Work of one node beside multiply-accumulates; 0 where shapes are not known.
struct NodeWork {
  double operations = 0;
  double input_elements = 0;  // of inputs that vary
  double output_elements = 0;
  bool free = false;     // a view, or a constant
  bool unknown = false;  // see MissingArithmetic
};
NodeWork work_of(const OnnxGraph& graph, int node);

// Adds a node to the list, in order of first appearance; nothing where it is free.
void add_missing(const OnnxGraph& graph, int node, std::int64_t activation_bits,
                 std::vector<MissingArithmetic>& list);

// Of a workload whose nodes say what they do (docs/networks.md, language models).
std::vector<MissingArithmetic> missing_of(const model::Workload& workload);

// One line for people: the arithmetic that is missing from the totals, then what only moves data;
// empty where there is nothing.
std::string missing_note(const std::vector<MissingArithmetic>& list);

// Whether an operator that is no layer does arithmetic that matters (a convolution, a matrix
// product or a loop over such), or is not known at all.
bool is_uncosted_arithmetic(const OnnxNode& node);

// InputError where the options refuse an operator without cost.
void refuse_if_strict(const OnnxGraph& graph, int node, const OnnxOptions& options);

}  // namespace ridgeline::io
