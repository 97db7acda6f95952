// What each ONNX operator is: one table for all that read models (docs/networks.md shows it).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

enum class OperatorKind : std::uint8_t {
  convolution,
  transposed_convolution,
  matrix_product,
  einsum,
  recurrent,  // LSTM, GRU, RNN
  attention,  // fused: scores, softmax, weighted sum
  pooling,
  elementwise,  // of one or more inputs, broadcast
  softmax,
  normalisation,  // mean and variance of rows, then element by element
  reduction,
  resampling,  // Resize and its kin
  movement,    // carries data elsewhere: Transpose, Gather, Concat, ...
  view,        // the same data under another shape or type
  other,       // light arithmetic without a loop nest: TopK, NonMaxSuppression, ...
  control,     // If that is not decided, Loop, Scan
  scan,        // a state-space recurrence (SSM)
};

struct OperatorRule {
  std::string_view type;
  OperatorKind kind = OperatorKind::other;
  // Place of the second operand of convolutions and products; the first is input 0.
  int second = 1;
  // Elementary operations an element of the output (reductions: of the input).
  int operations = 1;
  // Passed through without cost when a schedule follows the reference's rules.
  bool passed = false;
  bool microsoft = false;  // of the domain com.microsoft
};

// The rule of a node; null where nobody knows the operator.
const OperatorRule* operator_rule(const OnnxNode& node);
const std::vector<OperatorRule>& operator_table();
std::string_view to_string(OperatorKind kind);

// Whether the kind, or an operator of this type, has multiply-accumulates.
bool has_macs(OperatorKind kind);
bool has_macs(std::string_view type);

}  // namespace ridgeline::io
