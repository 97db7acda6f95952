// Shapes of convolutions, pooling, products, recurrences and attention.
#include "io/onnx/shape_rule_class.hpp"

namespace ridgeline::io {

// --- windows

std::optional<ShapeRules::Window> ShapeRules::window(std::size_t axes, Sizes kernel) const {
  Window w{std::move(kernel), list("strides"), list("dilations"), list("pads")};
  const Sizes given = list("kernel_shape");
  if (!given.empty()) w.kernel = given;
  if (w.stride.empty()) w.stride.assign(axes, 1);
  if (w.dilation.empty()) w.dilation.assign(axes, 1);
  if (w.pads.empty()) w.pads.assign(2 * axes, 0);
  if (w.kernel.size() != axes || w.stride.size() != axes || w.dilation.size() != axes ||
      w.pads.size() != 2 * axes) {
    return std::nullopt;
  }
  for (std::size_t a = 0; a < axes; ++a) {
    for (const std::int64_t x : {w.kernel[a], w.stride[a], w.dilation[a]}) {
      if (x < 1 || x > kMostWindow) return std::nullopt;
    }
    if (w.kernel[a] > kMostWindow / w.dilation[a]) return std::nullopt;
  }
  for (const std::int64_t p : w.pads) {
    if (p < -kMostWindow || p > kMostWindow) return std::nullopt;
  }
  return w;
}

OnnxDim ShapeRules::windowed(const OnnxDim& in, const Window& w, std::size_t a) const {
  if (in.size == 0) return unknown();
  const std::size_t axes = w.kernel.size();
  const std::int64_t span = (w.kernel[a] - 1) * w.dilation[a] + 1;
  const std::string automatic = text("auto_pad");
  if (automatic.starts_with("SAME")) return dim_of((in.size + w.stride[a] - 1) / w.stride[a]);
  const bool valid = automatic == "VALID";
  const std::int64_t room = in.size + (valid ? 0 : w.pads[a] + w.pads[a + axes]) - span;
  if (room < 0) return unknown();
  std::int64_t count = room / w.stride[a] + 1;
  if (integer("ceil_mode", 0) != 0 && room % w.stride[a] != 0) {
    // A window that would begin in the padding at the end does not count.
    if ((count * w.stride[a]) < in.size + (valid ? 0 : w.pads[a])) ++count;
  }
  return dim_of(count);
}

ShapeRules::Sizes ShapeRules::kernel_of(const OnnxShape* weights) const {
  Sizes kernel;
  for (std::size_t a = 2; weights && a < weights->size(); ++a) kernel.push_back((*weights)[a].size);
  return kernel;
}

void ShapeRules::convolution() {
  const OnnxShape* x = shape(0);
  const std::size_t place = node_.op_type == "QLinearConv" ? 3 : 1;
  const OnnxShape* weights = shape(place);
  if (!x || x->size() < 3) return;
  const auto w = window(x->size() - 2, kernel_of(weights));
  if (!w) return;
  const bool fits = weights && weights->size() == x->size();
  OnnxShape out{(*x)[0], fits ? (*weights)[0] : unknown()};
  for (std::size_t a = 0; a + 2 < x->size(); ++a) out.push_back(windowed((*x)[a + 2], *w, a));
  const bool wide = node_.op_type == "ConvInteger";
  give(0, std::move(out), wide ? kInt32Type : type(0));
}

void ShapeRules::transposed_convolution() {
  const OnnxShape* x = shape(0);
  const OnnxShape* weights = shape(1);
  if (!x || x->size() < 3) return;
  const std::size_t axes = x->size() - 2;
  const auto w = window(axes, kernel_of(weights));
  const std::int64_t group = integer("group", 1);
  if (!w || group < 1 || group > kMostWindow) return;
  const bool fits = weights && weights->size() == x->size();
  OnnxShape out{(*x)[0], fits ? times((*weights)[1], dim_of(group)) : unknown()};
  const Sizes given = list("output_shape");
  Sizes more = list("output_padding");
  more.resize(axes, 0);
  for (std::size_t a = 0; a < axes; ++a) {
    const OnnxDim& in = (*x)[a + 2];
    const std::int64_t span = (w->kernel[a] - 1) * w->dilation[a] + 1;
    if (given.size() == axes) {
      out.push_back(given[a] > 0 ? dim_of(given[a]) : unknown());
    } else if (in.size == 0 || more[a] < 0 || more[a] > kMostWindow ||
               in.size > kMaxExactInteger / w->stride[a]) {
      out.push_back(unknown());
    } else if (text("auto_pad").starts_with("SAME")) {
      out.push_back(dim_of(in.size * w->stride[a]));
    } else {
      const std::int64_t size =
          w->stride[a] * (in.size - 1) + more[a] + span - w->pads[a] - w->pads[a + axes];
      out.push_back(size > 0 ? dim_of(size) : unknown());
    }
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::pool() {
  const OnnxShape* x = shape(0);
  if (!x || x->size() < 3) return;
  const auto w = window(x->size() - 2, {});
  if (!w) return;
  OnnxShape out{(*x)[0], (*x)[1]};
  for (std::size_t a = 0; a + 2 < x->size(); ++a) out.push_back(windowed((*x)[a + 2], *w, a));
  give(1, out, kInt64Type);
  give(0, std::move(out), type(0));
}

void ShapeRules::global_pool() {
  const OnnxShape* x = shape(0);
  if (!x || x->size() < 2) return;
  OnnxShape out{(*x)[0], (*x)[1]};
  out.resize(x->size(), dim_of(1));
  give(0, std::move(out), type(0));
}

// --- products

void ShapeRules::product_of(OnnxShape a, OnnxShape b, int element_type) {
  if (a.empty() || b.empty()) return;
  const bool row = a.size() == 1;
  const bool column = b.size() == 1;
  if (row) a.insert(a.begin(), dim_of(1));
  if (column) b.push_back(dim_of(1));
  OnnxShape out = joint(OnnxShape(a.begin(), a.end() - 2), OnnxShape(b.begin(), b.end() - 2));
  if (!row) out.push_back(a[a.size() - 2]);
  if (!column) out.push_back(b.back());
  give(0, std::move(out), element_type);
}

void ShapeRules::matmul() {
  const std::size_t second = node_.op_type == "QLinearMatMul" ? 3 : 1;
  if (!shape(0) || !shape(second)) return;
  OnnxShape a = *shape(0);
  OnnxShape b = *shape(second);
  if (integer("transA", 0) != 0 && a.size() >= 2) std::swap(a[a.size() - 1], a[a.size() - 2]);
  if (integer("transB", 0) != 0 && b.size() >= 2) std::swap(b[b.size() - 1], b[b.size() - 2]);
  int element_type = type(0);
  if (node_.op_type == "MatMulInteger") element_type = kInt32Type;
  if (node_.op_type == "MatMulIntegerToFloat") element_type = kFloatType;
  if (node_.op_type == "QLinearMatMul" && has(7)) element_type = type(7);
  product_of(std::move(a), std::move(b), element_type);
}

void ShapeRules::matmul_nbits() {
  const OnnxShape* x = shape(0);
  const std::int64_t columns = integer("N", 0);
  if (!x || x->empty() || columns < 1) return;
  OnnxShape out = *x;
  out.back() = dim_of(columns);
  give(0, std::move(out), type(0));
}

void ShapeRules::gemm() {
  const OnnxShape* a = shape(0);
  const OnnxShape* b = shape(node_.op_type == "QGemm" ? 3 : 1);
  if (!a || !b || a->size() != 2 || b->size() != 2) return;
  give(0, {(*a)[integer("transA", 0) != 0 ? 1 : 0], (*b)[integer("transB", 0) != 0 ? 0 : 1]},
       type(0));
}

void ShapeRules::einsum() {
  const std::string equation = text("equation");
  const std::size_t arrow = equation.find("->");
  if (arrow == std::string::npos) return;
  std::unordered_map<char, OnnxDim> size_of;
  OnnxShape dots;
  std::size_t input = 0;
  std::string term;
  const auto take = [&]() {
    const OnnxShape* x = shape(input++);
    if (!x) return false;
    const std::size_t ellipsis = term.find("...");
    const std::size_t letters = term.size() - (ellipsis == std::string::npos ? 0 : 3);
    if (letters > x->size() || (ellipsis == std::string::npos && letters != x->size()))
      return false;
    const std::size_t extra = x->size() - letters;
    std::size_t axis = 0;
    for (std::size_t i = 0; i < term.size(); ++i) {
      if (i == ellipsis) {
        dots = joint(dots, OnnxShape(x->begin() + static_cast<long>(axis),
                                     x->begin() + static_cast<long>(axis + extra)));
        axis += extra;
        i += 2;
        continue;
      }
      OnnxDim& known = size_of.try_emplace(term[i], dim_of(1)).first->second;
      known = joint(known, (*x)[axis++]);
    }
    return true;
  };
  for (std::size_t i = 0; i <= arrow; ++i) {
    const char c = i < arrow ? equation[i] : ',';
    if (c == ' ') continue;
    if (c != ',') {
      term += c;
      continue;
    }
    if (!take()) return;
    term.clear();
  }
  OnnxShape out;
  for (std::size_t i = arrow + 2; i < equation.size(); ++i) {
    const char c = equation[i];
    if (c == ' ') continue;
    if (equation.compare(i, 3, "...") == 0) {
      out.insert(out.end(), dots.begin(), dots.end());
      i += 2;
      continue;
    }
    const auto found = size_of.find(c);
    if (found == size_of.end()) return;
    out.push_back(found->second);
  }
  give(0, std::move(out), type(0));
}

void ShapeRules::recurrent() {
  const OnnxShape* x = shape(0);
  if (!x || x->size() != 3) return;
  OnnxDim hidden = unknown();
  if (integer("hidden_size", 0) > 0) hidden = dim_of(integer("hidden_size", 0));
  if (hidden.size == 0 && shape(2) && shape(2)->size() == 3) hidden = (*shape(2))[2];
  const OnnxDim directions = dim_of(text("direction") == "bidirectional" ? 2 : 1);
  const bool batch_first = integer("layout", 0) != 0;
  const OnnxDim steps = (*x)[batch_first ? 1 : 0];
  const OnnxDim batch = (*x)[batch_first ? 0 : 1];
  if (batch_first) {
    give(0, {batch, steps, directions, hidden}, type(0));
    for (std::size_t o : {1, 2}) give(o, {batch, directions, hidden}, type(0));
  } else {
    give(0, {steps, directions, batch, hidden}, type(0));
    for (std::size_t o : {1, 2}) give(o, {directions, batch, hidden}, type(0));
  }
}

void ShapeRules::attention() {
  const OnnxShape* q = shape(0);
  const OnnxShape* v = shape(2);
  if (!q) return;
  if (q->size() == 4) {
    OnnxShape out = *q;
    if (v && v->size() == 4) out[3] = (*v)[3];
    give(0, std::move(out), type(0));
    return;
  }
  const std::int64_t heads = integer("q_num_heads", 0);
  const std::int64_t kv = integer("kv_num_heads", 0);
  if (q->size() != 3 || heads < 1 || kv < 1 || heads > kMostWindow) return;
  OnnxShape out = *q;
  if (v && v->size() == 3 && (*v)[2].size > 0)
    out[2] = times(dim_of(heads), dim_of((*v)[2].size / kv));
  give(0, std::move(out), type(0));
}

void ShapeRules::fused_attention() {
  const OnnxShape* q = shape(0);
  if (!q || q->size() != 3) return;
  OnnxShape out = *q;
  const std::int64_t heads = integer("num_heads", 0);
  if (heads < 1 || heads > kMostWindow) return;
  if (node_.op_type == "Attention") {
    const OnnxShape* w = shape(1);
    if (!w || w->size() != 2 || (*w)[1].size == 0) return;
    const Sizes sizes = list("qkv_hidden_sizes");
    out[2] = sizes.size() == 3 && sizes[2] > 0 ? dim_of(sizes[2]) : dim_of((*w)[1].size / 3);
  } else if (node_.op_type == "GroupQueryAttention") {
    const std::int64_t kv = integer("kv_num_heads", 0);
    if (kv < 1 || kv > kMostWindow) return;
    if (!has(1) && out[2].size > 0) {  // queries, keys and values packed
      const OnnxShape* past = shape(3);
      const bool cached = past && past->size() == 4 && (*past)[3].size > 0;
      out[2] = cached ? times(dim_of(heads), (*past)[3])
                      : dim_of(out[2].size / (heads + 2 * kv) * heads);
    }
  } else if (const OnnxShape* v = shape(2); v && v->size() == 3) {
    out[2] = (*v)[2];
  }
  give(0, std::move(out), type(0));
}

}  // namespace ridgeline::io
