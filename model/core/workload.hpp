// A workload: a graph of layers, and of operators that carry no cost in the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/layer.hpp"

namespace ridgeline::model {

// What an operator without a loop nest does: arithmetic element by element, and movement.
struct ElementWork {
  std::string operator_type;  // as the model names it
  double operations = 0;      // elementary ones
  double input_bits = 0;      // of what it reads that varies
  double output_bits = 0;
};

struct WorkloadNode {
  int id = 0;  // unique; the document's id or the place in the ONNX graph
  std::string name;
  std::string operator_type;
  std::optional<Layer> layer;         // absent: an operator without cost ("dummy")
  std::vector<int> predecessors;      // ids, in input order, repetitions kept
  std::int64_t count = 1;             // how many times it runs; figures are of all of them
  std::optional<ElementWork> work{};  // of an operator without `layer`, where it is known
};

// What a pass of a language model is about.
struct Sequence {
  double tokens = 0;       // computed in the pass
  double clock = 0;        // Hz; 0: not given
  double weight_bits = 0;  // of all weights, embedding and head too
  double cache_bits = 0;   // of keys and values (or states) of all layers
};

struct Workload {
  std::string name;
  std::vector<WorkloadNode> nodes;  // definition order
  std::optional<Sequence> sequence{};

  int node_index(int id) const;  // place in `nodes`; -1 where absent
  // Places in `nodes` by generations: nodes whose last predecessor is done, in the order in
  // which the previous generation's successors are met (docs/model.md, 7).
  std::vector<int> topological_order() const;
  // The graph without operators that carry no cost: each one's predecessors are joined to
  // each of its successors.
  Workload without_dummies() const;
};

}  // namespace ridgeline::model
