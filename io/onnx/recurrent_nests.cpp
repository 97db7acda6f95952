// LSTM, GRU and RNN as matrix products.
#include "io/onnx/product_layer.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

// Per direction: the inputs of all steps in one product, then step by step the state times the
// recurrent weights, which all steps share.
std::vector<LoweredLayer> lower_recurrent(const OperatorContext& op) {
  constexpr std::int64_t kMaxSteps = 100'000;
  const std::string& type = op.source().op_type;
  const Sizes x = input_sizes(op, 0);
  const Sizes w = input_sizes(op, 1);
  const Sizes r = input_sizes(op, 2);
  if (x.size() != 3 || w.size() != 3 || r.size() != 3) {
    throw nest_error(
        op, "has inputs of " + shape_text(x) + ", " + shape_text(w) + " and " + shape_text(r),
        "steps, batch and features; directions, gates and features twice");
  }
  const std::int64_t gates = type == "LSTM" ? 4 : type == "GRU" ? 3 : 1;
  const bool batch_first = integer_of(op, "layout", 0) != 0;
  const std::int64_t steps = x[batch_first ? 1 : 0];
  const std::int64_t batch = x[batch_first ? 0 : 1];
  const std::int64_t hidden = r[2];
  const std::int64_t directions = w[0];
  if (directions < 1 || directions > 2 || hidden > model::kMaxExactInteger / gates ||
      r[1] != gates * hidden || w[1] != r[1]) {
    throw nest_error(op, "has weights of " + shape_text(w) + " and " + shape_text(r),
                     "as many rows as gates times hidden features, for one or two directions");
  }
  if (steps > kMaxSteps) {
    throw nest_error(op, "it has more than " + std::to_string(kMaxSteps) + " steps");
  }
  const Precisions bits = precisions(op);
  std::vector<LoweredLayer> layers;
  for (std::int64_t d = 0; d < directions; ++d) {
    const std::string side = directions == 1 ? "" : d == 0 ? "-forward" : "-reverse";
    OperatorContext plain = op;
    plain.dimension_names.clear();
    LoweredLayer input =
        product_layer(plain, {{batch}, {true}, {false}, steps, x[2], w[1]}, bits, false, "matmul");
    input.suffix = side + "-input";
    input.exact = false;
    set_source(input, "I", producer(op, 0));
    const int input_id = op.first_id + static_cast<int>(layers.size());
    layers.push_back(std::move(input));
    LoweredLayer step =
        product_layer(plain, {{}, {}, {}, batch, hidden, r[1]}, bits, false, "matmul");
    step.exact = false;
    if (!op.scheduling()) {
      step.suffix = side + "-state";
      step.count = steps;
      set_source(step, "I", input_id);
      layers.push_back(std::move(step));
      continue;
    }
    // Each step waits for the one before it.
    std::optional<int> previous = input_id;
    for (std::int64_t s = 0; s < steps; ++s) {
      LoweredLayer one = step;
      one.suffix = side + "-state" + std::to_string(s);
      set_source(one, "I", previous);
      previous = op.first_id + static_cast<int>(layers.size());
      layers.push_back(std::move(one));
    }
  }
  return layers;
}

}  // namespace ridgeline::io
