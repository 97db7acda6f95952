// Matrix products: MatMul, Gemm and their relatives.
#include <algorithm>

#include "io/onnx/product_layer.hpp"

namespace ridgeline::io {

namespace {

// Sizes of a product's operand; unknown ones are 0, for which the other side may know better.
struct Matrix {
  Sizes batch;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  bool vector = false;
};

std::optional<Matrix> matrix_of(const OperatorContext& op, int tensor, bool transposed,
                                bool first) {
  if (tensor < 0) return std::nullopt;
  const auto& shape = op.graph.tensor(tensor).shape;
  if (!shape || shape->empty()) return std::nullopt;
  Matrix m;
  m.vector = shape->size() == 1;
  for (std::size_t a = 0; a + 2 < shape->size(); ++a) m.batch.push_back((*shape)[a].size);
  for (std::size_t a = 0; a < shape->size(); ++a) {
    if ((*shape)[a].zero) known_size(op.graph, op.node, tensor, static_cast<int>(a));  // says so
  }
  if (m.vector) {
    m.rows = first ? 1 : shape->front().size;
    m.columns = first ? shape->front().size : 1;
  } else {
    m.rows = (*shape)[shape->size() - 2].size;
    m.columns = shape->back().size;
    if (transposed) std::swap(m.rows, m.columns);
  }
  return m;
}

}  // namespace

std::vector<LoweredLayer> lower_product(const OperatorContext& op, std::size_t second) {
  const OnnxNode& node = op.source();
  input_shape(op.graph, op.node, 0);  // an error where it is not known
  const bool packed = node.op_type == "MatMulNBits" || node.op_type == "MatMulBnb4";
  const int first_tensor = node.inputs[0];
  const auto a = matrix_of(op, first_tensor, integer_of(op, "transA", 0) != 0, true);
  if (!a)
    throw nest_error(op, "has a first input without dimensions",
                     "a vector, a matrix, or a stack of them");
  std::optional<Matrix> b;
  if (packed) {
    b = Matrix{{}, integer_of(op, "K", 0), integer_of(op, "N", 0), false};
    if (b->rows < 1 || b->columns < 1) throw nest_error(op, "lacks its attributes K and N");
  } else if (has_input(op, second)) {
    b = matrix_of(op, node.inputs[second], integer_of(op, "transB", 0) != 0, false);
  }
  const OnnxShape& out = output_shape(op.graph, op.node, 0);
  const auto from_end = [&](std::size_t place) -> std::int64_t {
    return place < out.size() ? out[out.size() - 1 - place].size : 1;
  };
  const bool row = a->vector;
  const bool column = b && b->vector;
  const std::int64_t out_columns = column ? 1 : from_end(0);
  const std::int64_t out_rows = row ? 1 : from_end(column ? 0 : 1);
  const auto agree = [&](const std::string& what, std::int64_t x, std::int64_t y) {
    if (x > 0 && y > 0 && x != y) {
      throw nest_error(op,
                       "has " + what + " " + std::to_string(x) + " in its input and " +
                           std::to_string(y) + " in its output",
                       "they must agree");
    }
  };
  agree("rows", a->rows, out_rows);
  if (b && b->rows > 0 && a->columns > 0 && b->rows != a->columns) {
    throw nest_error(op,
                     "multiplies rows of " + std::to_string(a->columns) +
                         " elements by columns of " + std::to_string(b->rows),
                     "they must be equally long");
  }
  Product p;
  const std::size_t tail = (row ? 0u : 1u) + (column ? 0u : 1u);
  const std::size_t batches = out.size() >= tail ? out.size() - tail : 0;
  for (std::size_t i = 0; i < batches; ++i) {
    const std::size_t place_back = batches - 1 - i;
    const auto size_in = [&](const std::optional<Matrix>& m) -> std::int64_t {
      if (!m || place_back >= m->batch.size()) return 1;
      return m->batch[m->batch.size() - 1 - place_back];
    };
    const std::int64_t x = size_in(a);
    const std::int64_t y = size_in(b);
    std::int64_t size = out[i].size;
    if (x > 1 && y > 1 && x != y) {
      throw nest_error(op, "has batches of " + std::to_string(x) + " and " + std::to_string(y),
                       "they must agree");
    }
    if (x > 1) agree("batch dimension " + std::to_string(i), x, size);
    if (size == 0) size = std::max(x, y);
    // A batch that nobody gives a size is 1, as in the reference.
    if (size == 0 && i == 0) size = 1;
    if (size == 0) size = known_size(op.graph, op.node, node.outputs[0], static_cast<int>(i));
    p.batch.push_back(size);
    const bool whole_first = place_back < a->batch.size() && (x == size || x == 0);
    p.first_has.push_back(whole_first);
    p.second_has.push_back(b && place_back < b->batch.size() && (y == size || y == 0) &&
                           !(size == 1 && !varies(op, second)));
  }
  p.rows = std::max(a->rows, out_rows);
  p.inner = std::max(a->columns, b ? b->rows : 0);
  p.columns = std::max(out_columns, b ? b->columns : 0);
  if (p.rows == 0) p.rows = known_size(op.graph, op.node, first_tensor, -2);
  if (p.inner == 0) p.inner = known_size(op.graph, op.node, first_tensor, -1);
  if (p.columns == 0) p.columns = known_size(op.graph, op.node, node.outputs[0], -1);
  const Precisions bits = precisions(op);
  LoweredLayer made = product_layer(op, p, bits, varies(op, second), lower_case(node.op_type));
  if (row || column) made.exact = false;
  set_source(made, "I", producer(op, 0));
  set_source(made, "W", producer(op, second));
  std::vector<LoweredLayer> layers;
  layers.push_back(std::move(made));
  return layers;
}

}  // namespace ridgeline::io
