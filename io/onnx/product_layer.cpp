#include "io/onnx/product_layer.hpp"

#include <algorithm>

#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

void drop_batch(Product& p, std::size_t axis) {
  const auto place = static_cast<long>(axis);
  p.batch.erase(p.batch.begin() + place);
  p.first_has.erase(p.first_has.begin() + place);
  p.second_has.erase(p.second_has.begin() + place);
}

// Axes of equal use next to each other become one, where there are more than `most`.
bool merge_batches(Product& p, std::size_t most) {
  bool merged = false;
  for (std::size_t a = 0; a + 1 < p.batch.size() && p.batch.size() > most;) {
    const bool alike =
        p.first_has[a] == p.first_has[a + 1] && p.second_has[a] == p.second_has[a + 1];
    if (!alike || p.batch[a] > model::kMaxExactInteger / p.batch[a + 1]) {
      ++a;
      continue;
    }
    p.batch[a] *= p.batch[a + 1];
    drop_batch(p, a + 1);
    merged = true;
  }
  return merged;
}

}  // namespace

LoweredLayer product_layer(const OperatorContext& op, Product p, const Precisions& bits,
                           bool second_computed, const std::string& type) {
  // Sizes of 1 in further axes tell nothing.
  bool exact = true;
  for (std::size_t a = p.batch.size(); a-- > 0 && p.batch.size() > 2;) {
    if (p.batch[a] != 1) continue;
    drop_batch(p, a);
    exact = false;
  }
  Names names = op.dimension_names;
  const std::size_t most = names.size() >= 3 ? names.size() - 3 : kBatchNames.size();
  if (merge_batches(p, std::min(most, kBatchNames.size()))) exact = false;
  const std::size_t batch = p.batch.size();
  if (names.empty()) {
    if (batch > kBatchNames.size()) {
      throw nest_error(op, "it has " + std::to_string(batch) + " batch axes",
                       "at most " + std::to_string(kBatchNames.size()));
    }
    names.assign(kBatchNames.begin(), kBatchNames.begin() + static_cast<long>(batch));
    names.insert(names.end(), {"D", "C", "K"});
  }
  if (names.size() != batch + 3) {
    throw nest_error(op, "its mapping names " + std::to_string(names.size()) + " loops",
                     "it has " + std::to_string(batch + 3));
  }
  const std::string& rows = names[batch];
  const std::string& inner = names[batch + 1];
  const std::string& columns = names[batch + 2];
  NestBuilder b(op);
  const auto batches = [&] {
    for (std::size_t a = 0; a < batch; ++a) b.dim(names[a], p.batch[a]);
  };
  if (op.scheduling()) {
    batches();
    b.dim(rows, p.rows);
    b.dim(inner, p.inner);
    b.dim(columns, p.columns);
  } else {
    b.dim(inner, p.inner);
    b.dim(rows, p.rows);
    b.dim(columns, p.columns);
    batches();
  }
  const auto indices = [&](const std::vector<bool>* has, const std::string& x,
                           const std::string& y) {
    Names list;
    for (std::size_t a = 0; a < batch; ++a) {
      if (has == nullptr || (*has)[a]) list.push_back(names[a]);
    }
    list.push_back(x);
    list.push_back(y);
    return list;
  };
  b.operand("O", indices(nullptr, rows, columns), bits.output);
  b.operand("I", indices(&p.first_has, rows, inner), bits.activation);
  b.operand("W", indices(&p.second_has, inner, columns),
            second_computed ? bits.activation : bits.weight);
  LoweredLayer made = b.finish(type, bits.final_output);
  made.exact = exact;
  return made;
}

void set_source(LoweredLayer& made, const char* operand, std::optional<int> id) {
  const int place = made.layer.operand_index(operand);
  if (place < 0 || !id) return;
  auto& o = made.layer.operands[static_cast<std::size_t>(place)];
  o.source = *id;
  o.constant = false;
  std::erase(made.layer.constant_operands, std::string(operand));
}

std::optional<int> producer(const OperatorContext& op, std::size_t input) {
  for (const LoweredInput& p : op.producers) {
    if (p.input == static_cast<int>(input)) return p.id;
  }
  return std::nullopt;
}

}  // namespace ridgeline::io
