// Attention: queries times keys, and the scores times values.
#include "io/onnx/product_layer.hpp"

namespace ridgeline::io {

namespace {

// Heads of queries share those of keys and values in groups; keys and values are read once a
// group.
struct Attention {
  std::int64_t batch = 1;
  std::int64_t heads = 1;    // of keys and values
  std::int64_t group = 1;    // query heads for each of them
  std::int64_t queries = 1;  // positions that ask
  std::int64_t keys = 1;     // positions that are asked, with those of a cache
  std::int64_t head = 1;     // features of a key
  std::int64_t value = 1;    // features of a value
  std::size_t query_input = 0;
  std::size_t key_input = 1;
  std::size_t value_input = 2;
  std::int64_t hidden = 0;  // of a projection inside the operator; 0: none
  std::int64_t projected = 0;
};

std::int64_t positive(const OperatorContext& op, const char* name) {
  const std::int64_t value = integer_of(op, name, 0);
  if (value < 1 || value > (std::int64_t{1} << 31)) {
    throw nest_error(op, "lacks its attribute " + std::string(name), "at least 1");
  }
  return value;
}

std::int64_t divided(const OperatorContext& op, std::int64_t features, std::int64_t heads) {
  if (features % heads != 0) {
    throw nest_error(op, std::to_string(features) + " features are not divisible by " +
                             std::to_string(heads) + " heads");
  }
  return features / heads;
}

// Positions that a cache adds: its last axis but one.
std::int64_t cached(const OperatorContext& op, std::size_t input) {
  if (!has_input(op, input)) return 0;
  const auto sizes = known_sizes(op, op.source().inputs[input]);
  return sizes && sizes->size() >= 2 ? (*sizes)[sizes->size() - 2] : 0;
}

Attention read_attention(const OperatorContext& op) {
  const OnnxNode& node = op.source();
  const Sizes q = input_sizes(op, 0);
  Attention a;
  const auto refuse = [&] {
    return nest_error(op, "has queries of shape " + shape_text(q), "batch, positions and features");
  };
  if (node.domain.empty()) {
    const Sizes k = input_sizes(op, 1);
    const Sizes v = input_sizes(op, 2);
    if (q.size() != k.size() || v.size() != k.size() || q.size() < 3 || q.size() > 4)
      throw refuse();
    a.batch = q[0];
    std::int64_t query_heads = 1;
    if (q.size() == 4) {
      query_heads = q[1];
      a.heads = k[1];
      a.queries = q[2];
      a.keys = k[2];
      a.head = q[3];
      a.value = v[3];
    } else {
      query_heads = positive(op, "q_num_heads");
      a.heads = positive(op, "kv_num_heads");
      a.queries = q[1];
      a.keys = k[1];
      a.head = divided(op, q[2], query_heads);
      a.value = divided(op, v[2], a.heads);
    }
    a.group = divided(op, query_heads, a.heads);
    a.keys += cached(op, 4);
    return a;
  }
  const std::int64_t heads = positive(op, "num_heads");
  if (node.op_type == "Attention") {
    const Sizes w = input_sizes(op, 1);
    if (q.size() != 3 || w.size() != 2) throw refuse();
    a.batch = q[0];
    a.queries = q[1];
    a.keys = q[1] + cached(op, 4);
    a.heads = heads;
    a.hidden = q[2];
    a.projected = w[1];
    a.head = a.value = divided(op, w[1] / 3, heads);
    a.key_input = a.value_input = 0;
    return a;
  }
  if (node.op_type == "GroupQueryAttention") {
    if (q.size() != 3) throw refuse();
    a.heads = positive(op, "kv_num_heads");
    a.group = divided(op, heads, a.heads);
    a.batch = q[0];
    a.queries = q[1];
    const bool packed = !has_input(op, 1);
    // A cache says how long a head is.
    const auto past = has_input(op, 3) ? known_sizes(op, op.source().inputs[3]) : std::nullopt;
    a.head = a.value = past && past->size() == 4
                           ? (*past)[3]
                           : divided(op, q[2], packed ? heads + 2 * a.heads : heads);
    if (packed) a.key_input = a.value_input = 0;
    // The cache that it hands on says how long it is with the new positions; where that is its
    // buffer, no longer.
    a.keys = q[1] + cached(op, 3);
    if (node.outputs.size() > 1) {
      const auto present = known_sizes(op, node.outputs[1]);
      if (present && present->size() == 4) a.keys = (*present)[2];
    }
    return a;
  }
  // MultiHeadAttention
  a.heads = heads;
  if (q.size() == 5) {  // batch, positions, heads, 3, features
    a.batch = q[0];
    a.queries = a.keys = q[1];
    a.head = a.value = q[4];
    a.key_input = a.value_input = 0;
  } else {
    if (q.size() != 3) throw refuse();
    a.batch = q[0];
    a.queries = q[1];
    a.head = a.value = divided(op, q[2], heads);
    a.keys = q[1];
    if (has_input(op, 1)) {
      const Sizes k = input_sizes(op, 1);
      if (k.size() == 3) a.keys = k[1];
      if (k.size() == 4) a.keys = k[2];
      if (k.size() == 5) a.keys = k[1];
      if (k.size() == 5) a.value_input = 1;
    } else {
      a.key_input = a.value_input = 0;
    }
    if (has_input(op, 2)) {
      const Sizes v = input_sizes(op, 2);
      if (v.size() == 3) a.value = divided(op, v[2], heads);
      if (v.size() == 4) a.value = v[3];
    }
  }
  a.keys += cached(op, 6);
  return a;
}

}  // namespace

std::vector<LoweredLayer> lower_attention(const OperatorContext& op) {
  const Attention a = read_attention(op);
  const Precisions bits = precisions(op);
  OperatorContext plain = op;
  plain.dimension_names.clear();
  std::vector<LoweredLayer> layers;
  const auto id = [&] { return op.first_id + static_cast<int>(layers.size()); };
  std::optional<int> query = producer(op, a.query_input);
  std::optional<int> key = producer(op, a.key_input);
  std::optional<int> value = producer(op, a.value_input);
  if (a.hidden > 0) {
    LoweredLayer projection =
        product_layer(plain, {{a.batch}, {true}, {false}, a.queries, a.hidden, a.projected}, bits,
                      false, "matmul");
    projection.suffix = "-projection";
    projection.exact = false;
    set_source(projection, "I", query);
    query = key = value = id();
    layers.push_back(std::move(projection));
  }
  // Loops: B, heads of keys H, query heads of each G, then rows, inner and columns.
  const auto nest = [&](std::int64_t inner, std::int64_t columns, const char* type) {
    NestBuilder b(op);
    const auto loops = [&](std::initializer_list<std::pair<const char*, std::int64_t>> list) {
      for (const auto& [name, size] : list) b.dim(name, size);
    };
    if (op.scheduling()) {
      loops({{"B", a.batch},
             {"H", a.heads},
             {"G", a.group},
             {"D", a.queries},
             {"C", inner},
             {"K", columns}});
    } else {
      loops({{"C", inner},
             {"D", a.queries},
             {"K", columns},
             {"B", a.batch},
             {"H", a.heads},
             {"G", a.group}});
    }
    b.operand("O", {"B", "H", "G", "D", "K"}, bits.output);
    b.operand("I", {"B", "H", "G", "D", "C"}, bits.activation);
    b.operand("W", {"B", "H", "C", "K"}, bits.activation);
    LoweredLayer made = b.finish(type, bits.final_output);
    made.exact = false;
    return made;
  };
  LoweredLayer scores = nest(a.head, a.keys, "matmul");
  scores.suffix = "-scores";
  set_source(scores, "I", query);
  set_source(scores, "W", key);
  const int scores_id = id();
  layers.push_back(std::move(scores));
  LoweredLayer sum = nest(a.keys, a.value, "matmul");
  sum.suffix = "-values";
  set_source(sum, "I", scores_id);
  set_source(sum, "W", value);
  layers.push_back(std::move(sum));
  return layers;
}

}  // namespace ridgeline::io
