// Stacks of matrix products as loop nests. Only for *_nests.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/onnx/nest_builder.hpp"

namespace ridgeline::io {

// A product of stacks of matrices: rows by inner, inner by columns. Batch axes are those of the
// output; each operand has or lacks each of them.
struct Product {
  Sizes batch;
  std::vector<bool> first_has;
  std::vector<bool> second_has;
  std::int64_t rows = 1;
  std::int64_t inner = 1;
  std::int64_t columns = 1;
};

// Names of batch loops, from the outermost on.
inline const Names kBatchNames{"B", "H", "M", "N", "P", "Q"};

// The nest of a product: its first operand is I, its second W, which has the bits of an activation
// where it is `second_computed`. InputError: the mapping names another number of loops.
LoweredLayer product_layer(const OperatorContext& op, Product p, const Precisions& bits,
                           bool second_computed, const std::string& type);

// Says which node or layer makes an operand of a finished nest; without one it stays constant.
void set_source(LoweredLayer& made, const char* operand, std::optional<int> id);

// Who feeds an input, if it varies.
std::optional<int> producer(const OperatorContext& op, std::size_t input);

}  // namespace ridgeline::io
