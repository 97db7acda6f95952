// Matrix products and what is made of them: Einsum, recurrent operators, attention.
#include <algorithm>
#include <map>
#include <set>

#include "io/onnx/nest_builder.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

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

const Names kBatchNames{"B", "H", "M", "N", "P", "Q"};

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
    const auto next = static_cast<long>(a) + 1;
    p.batch.erase(p.batch.begin() + next);
    p.first_has.erase(p.first_has.begin() + next);
    p.second_has.erase(p.second_has.begin() + next);
    merged = true;
  }
  return merged;
}

LoweredLayer product_layer(const OperatorContext& op, Product p, const Precisions& bits,
                           bool second_computed, const std::string& type) {
  // Sizes of 1 in further axes tell nothing.
  bool exact = true;
  for (std::size_t a = p.batch.size(); a-- > 0 && p.batch.size() > 2;) {
    if (p.batch[a] != 1) continue;
    const auto place = static_cast<long>(a);
    p.batch.erase(p.batch.begin() + place);
    p.first_has.erase(p.first_has.begin() + place);
    p.second_has.erase(p.second_has.begin() + place);
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

// --- Einsum ---------------------------------------------------------------------------------

std::vector<LoweredLayer> lower_einsum(const OperatorContext& op) {
  const OnnxAttribute* attribute = op.source().attribute("equation");
  if (attribute == nullptr) throw nest_error(op, "it has no equation");
  const std::size_t inputs = op.source().inputs.size();
  std::vector<std::string> terms(1);
  bool dots = false;
  for (std::size_t i = 0; i < attribute->text.size(); ++i) {
    const char c = attribute->text[i];
    if (c == ' ') continue;
    if (c == ',' || (c == '-' && attribute->text.compare(i, 2, "->") == 0)) {
      terms.emplace_back();
      if (c == '-') ++i;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      terms.back() += c;
    } else if (attribute->text.compare(i, 3, "...") == 0) {
      terms.back() += '.';
      dots = true;
      i += 2;
    } else {
      throw nest_error(op,
                       "its equation '" + attribute->text + "' has a '" + std::string(1, c) + "'",
                       "letters, commas and ->");
    }
  }
  if (terms.size() == inputs + 0u && attribute->text.find("->") == std::string::npos) {
    // Without an arrow: letters that occur once, in alphabetical order.
    std::map<char, int> uses;
    for (const std::string& term : terms) {
      for (const char c : term) ++uses[c];
    }
    std::string out = dots ? "." : "";
    for (const auto& [c, count] : uses) {
      if (count == 1 && c != '.') out += c;
    }
    terms.push_back(out);
  }
  if (terms.size() != inputs + 1 || inputs < 1 || inputs > 2) {
    throw nest_error(
        op, "its equation is '" + attribute->text + "' for " + std::to_string(inputs) + " inputs",
        "one or two inputs, and the output after ->");
  }
  // Every letter is a loop; upper case where it is free.
  std::map<char, std::string> name_of;
  std::set<std::string> taken;
  const auto name = [&](char c) -> const std::string& {
    const auto known = name_of.find(c);
    if (known != name_of.end()) return known->second;
    std::string upper(1, c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    while (taken.contains(upper)) upper += "1";
    taken.insert(upper);
    return name_of[c] = upper;
  };
  std::map<std::string, std::int64_t> size_of;
  std::vector<Names> indices(terms.size());
  std::size_t longest = 0;
  std::vector<Sizes> sizes;
  for (std::size_t i = 0; i < inputs; ++i) {
    sizes.push_back(input_sizes(op, i));
    const bool has = terms[i].find('.') != std::string::npos;
    const std::size_t letters = terms[i].size() - (has ? 1 : 0);
    if (letters > sizes[i].size() || (!has && letters != sizes[i].size())) {
      throw nest_error(op, "its equation '" + attribute->text + "' does not fit an input of " +
                               shape_text(sizes[i]));
    }
    if (has) longest = std::max(longest, sizes[i].size() - letters);
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    std::size_t axis = 0;
    for (const char c : terms[i]) {
      if (c == '.') {
        const std::size_t count = sizes[i].size() - (terms[i].size() - 1);
        for (std::size_t k = longest - count; k < longest; ++k) {
          const std::string loop = "E" + std::to_string(k) + "X";
          std::int64_t& known = size_of.try_emplace(loop, 1).first->second;
          known = std::max(known, sizes[i][axis]);
          if (sizes[i][axis++] > 1) indices[i].push_back(loop);
        }
        continue;
      }
      std::int64_t& known = size_of.try_emplace(name(c), 1).first->second;
      known = std::max(known, sizes[i][axis++]);
      if (std::find(indices[i].begin(), indices[i].end(), name(c)) == indices[i].end()) {
        indices[i].push_back(name(c));
      }
    }
  }
  for (const char c : terms.back()) {
    if (c == '.') {
      for (std::size_t k = 0; k < longest; ++k) {
        const std::string loop = "E" + std::to_string(k) + "X";
        if (size_of.contains(loop)) indices.back().push_back(loop);
      }
      continue;
    }
    if (!name_of.contains(c)) {
      throw nest_error(op, "no input has the index " + std::string(1, c) + " of its output");
    }
    indices.back().push_back(name(c));
  }
  Names renamed;
  if (!op.scheduling() && inputs == 2) {
    // As matrix products are called, so that mappings for these fit: batches B, H, ..., rows D,
    // inner C, columns K.
    std::map<std::string, std::string> other;
    std::map<std::string, int> used;
    std::size_t batches = 0;
    for (const auto& [loop, size] : size_of) {
      const auto in = [&, &l = loop](std::size_t t) {
        return std::find(indices[t].begin(), indices[t].end(), l) != indices[t].end();
      };
      std::string base = in(2) ? (in(0) && in(1) ? "" : in(0) ? "D" : "K") : "C";
      if (base.empty()) {
        base = kBatchNames[std::min(batches, kBatchNames.size() - 1)];
        ++batches;
      }
      const int again = used[base]++;
      other[loop] = again == 0 ? base : base + std::to_string(again);
    }
    std::map<std::string, std::int64_t> sizes_again;
    for (const auto& [loop, size] : size_of) sizes_again[other[loop]] = size;
    size_of = std::move(sizes_again);
    for (Names& list : indices) {
      for (std::string& loop : list) loop = other[loop];
    }
  }
  NestBuilder b(op);
  for (const Names* list : {&indices.back(), &indices.front(), &indices[inputs - 1]}) {
    for (const std::string& loop : *list) {
      if (b.layer.dim_index(loop) < 0) b.dim(loop, size_of.at(loop));
    }
  }
  if (b.layer.dims.empty()) b.dim("K", 1);
  const Precisions bits = precisions(op);
  b.operand("O", indices.back(), bits.output);
  b.operand("I", indices[0], bits.activation);
  b.operand("W", inputs > 1 ? indices[1] : Names{}, varies(op, 1) ? bits.activation : bits.weight);
  b.source_of_input("I", 0);
  b.source_of_input("W", 1);
  std::vector<LoweredLayer> layers{b.finish("einsum", bits.final_output)};
  layers.back().exact = !dots;
  return layers;
}

// --- LSTM, GRU, RNN -------------------------------------------------------------------------

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
  std::optional<int> before;
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

// --- attention ------------------------------------------------------------------------------

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
