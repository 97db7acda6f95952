// A workload: a graph of layers, and of operators that carry no cost in the model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/core/layer.hpp"

namespace ridgeline::model {

struct WorkloadNode {
  int id = 0;  // unique; the document's id or the place in the ONNX graph
  std::string name;
  std::string operator_type;
  std::optional<Layer> layer;     // absent: an operator without cost ("dummy")
  std::vector<int> predecessors;  // ids, in input order, repetitions kept
};

struct Workload {
  std::string name;
  std::vector<WorkloadNode> nodes;  // definition order

  int node_index(int id) const;  // place in `nodes`; -1 where absent
  // Places in `nodes` by generations: nodes whose last predecessor is done, in the order in
  // which the previous generation's successors are met (docs/model.md, 7).
  std::vector<int> topological_order() const;
  // The graph without operators that carry no cost: each one's predecessors are joined to
  // each of its successors.
  Workload without_dummies() const;
};

}  // namespace ridgeline::model
