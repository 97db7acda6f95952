#include "io/inputs/language_model.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "io/document/nearest.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using model::kMaxExactInteger;

constexpr std::int64_t kMost = std::int64_t{1} << 31;
constexpr std::int64_t kMostLayers = 10'000;

enum class ModelKind { decoder, encoder, vision, scan };

struct Config {
  ModelKind kind = ModelKind::decoder;
  std::int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, head = 0, ffn = 0;
  std::int64_t vocabulary = 0;  // 0: neither embedding nor head
  std::int64_t experts = 1, active_experts = 1;
  bool gated = true;  // three projections in the feed-forward part, else two
  std::int64_t image = 224, patch = 16, channels = 3, classes = 1000;  // vision
  std::int64_t inner = 0, state = 16, convolution = 4, rank = 0;       // scan
};

struct Preset {
  const char* name;
  Config config;
};

// As their authors published them.
const std::vector<Preset>& presets() {
  static const std::vector<Preset> list = [] {
    std::vector<Preset> all;
    const auto decoder = [&](const char* name, std::array<std::int64_t, 6> s,
                             std::int64_t experts) {
      Config c;
      c.layers = s[0];
      c.hidden = s[1];
      c.heads = s[2];
      c.kv_heads = s[3];
      c.ffn = s[4];
      c.vocabulary = s[5];
      c.experts = experts;
      c.active_experts = experts > 1 ? 2 : 1;
      all.push_back({name, c});
    };
    decoder("llama-3-8b", {32, 4096, 32, 8, 14336, 128256}, 1);
    decoder("llama-3-70b", {80, 8192, 64, 8, 28672, 128256}, 1);
    decoder("mixtral-8x7b", {32, 4096, 32, 8, 14336, 32000}, 8);
    Config mamba;
    mamba.kind = ModelKind::scan;
    mamba.layers = 64;
    mamba.hidden = 2560;
    mamba.inner = 5120;
    mamba.rank = 160;
    mamba.vocabulary = 50280;
    all.push_back({"mamba-2.8b", mamba});
    Config vit;
    vit.kind = ModelKind::vision;
    vit.layers = 12;
    vit.hidden = 768;
    vit.heads = vit.kv_heads = 12;
    vit.ffn = 3072;
    vit.gated = false;
    all.push_back({"vit-b-16", vit});
    return all;
  }();
  return list;
}

Config read_config(const Value& model) {
  model.allow_only({"preset",         "kind",  "layers", "hidden",      "heads",
                    "kv_heads",       "head",  "ffn",    "vocabulary",  "experts",
                    "active_experts", "gated", "image",  "patch",       "channels",
                    "classes",        "inner", "state",  "convolution", "rank"});
  Config c;
  if (const auto preset = model.find("preset")) {
    std::vector<std::string> names;
    const Preset* found = nullptr;
    for (const Preset& p : presets()) {
      names.emplace_back(p.name);
      if (preset->as_string() == p.name) found = &p;
    }
    if (found == nullptr) {
      throw preset->error("'" + preset->text() + "' is no preset",
                          suggestion(preset->text(), names));
    }
    c = found->config;
  } else {
    const Value kind = model.at("kind");
    const std::vector<std::string> names{"decoder", "encoder", "vision", "scan"};
    const auto place = std::find(names.begin(), names.end(), kind.as_string());
    if (place == names.end()) {
      throw kind.error("'" + kind.text() + "' is no kind of model", suggestion(kind.text(), names));
    }
    c.kind = static_cast<ModelKind>(place - names.begin());
    c.gated = c.kind == ModelKind::decoder;
  }
  const auto take = [&](const char* name, std::int64_t& into, std::int64_t most = kMost) {
    if (const auto given = model.find(name)) into = given->as_integer(1, most);
  };
  take("layers", c.layers, kMostLayers);
  take("hidden", c.hidden);
  take("heads", c.heads);
  if (model.find("heads") && !model.find("kv_heads")) c.kv_heads = c.heads;
  take("kv_heads", c.kv_heads);
  take("head", c.head);
  take("ffn", c.ffn);
  take("vocabulary", c.vocabulary);
  take("experts", c.experts);
  take("active_experts", c.active_experts);
  take("image", c.image);
  take("patch", c.patch);
  take("channels", c.channels);
  take("classes", c.classes);
  take("inner", c.inner);
  take("state", c.state);
  take("convolution", c.convolution);
  take("rank", c.rank);
  if (const auto gated = model.find("gated")) c.gated = gated->as_bool();
  const auto need = [&](const char* name, std::int64_t value) {
    if (value < 1)
      throw model.error(std::string("lacks '") + name + "'", "a whole number of at least 1");
  };
  need("layers", c.layers);
  need("hidden", c.hidden);
  if (c.kind == ModelKind::scan) {
    if (c.inner == 0) c.inner = 2 * c.hidden;
    if (c.rank == 0) c.rank = (c.hidden + 15) / 16;
    return c;
  }
  need("heads", c.heads);
  need("ffn", c.ffn);
  if (c.heads % c.kv_heads != 0) {
    throw model.error(std::to_string(c.heads) + " heads are not divisible by " +
                          std::to_string(c.kv_heads) + " kv_heads",
                      "each head of keys and values serves equally many query heads");
  }
  if (c.head == 0 && c.hidden % c.heads != 0) {
    throw model.error(std::to_string(c.hidden) + " hidden features are not divisible by " +
                          std::to_string(c.heads) + " heads",
                      "give `head`, the features of one");
  }
  if (c.head == 0) c.head = c.hidden / c.heads;
  if (c.active_experts > c.experts) {
    throw model.error("more active_experts than experts", "at most " + std::to_string(c.experts));
  }
  if (c.kind == ModelKind::vision && c.image % c.patch != 0) {
    throw model.error("an image of " + std::to_string(c.image) +
                      " is not divisible into patches of " + std::to_string(c.patch));
  }
  return c;
}

// What is asked of the model.
struct Pass {
  bool decode = false;
  std::int64_t queries = 1;  // positions computed
  std::int64_t keys = 1;     // positions attended
  std::int64_t batch = 1;
  std::int64_t weight_bits = 8, activation_bits = 8, partial_bits = 16;
};

class Writer {
 public:
  Writer(const Value& where, const Config& config, const Pass& pass, bool expanded)
      : where_(where), c_(config), p_(pass), expanded_(expanded) {}

  model::Workload run(const std::string& name) {
    workload_.name = name;
    begin();
    const std::int64_t rounds = expanded_ ? c_.layers : 1;
    times_ = expanded_ ? 1 : c_.layers;
    for (std::int64_t l = 0; l < rounds; ++l) {
      prefix_ = expanded_ ? "layer" + std::to_string(l) + "." : "";
      if (c_.kind == ModelKind::scan) {
        scan_layer();
      } else {
        attention_layer();
      }
    }
    prefix_.clear();
    times_ = 1;
    end();
    return std::move(workload_);
  }

 private:
  using Loops = std::vector<std::pair<const char*, std::int64_t>>;
  using Names = std::vector<const char*>;

  double tokens() const { return static_cast<double>(p_.batch) * static_cast<double>(p_.queries); }

  // A layer over `loops`; `weight` < 0: constant weights. Its id.
  int layer(const std::string& name, const char* type, const Loops& loops, const Names& out,
            const Names& in, const Names& weights, int data, int weight = -1) {
    model::Layer l;
    l.id = static_cast<int>(workload_.nodes.size());
    l.name = prefix_ + name;
    l.operator_type = type;
    double macs = static_cast<double>(times_);
    for (const auto& [dim, size] : loops) {
      l.dims.push_back({dim, size});
      macs *= static_cast<double>(size);
    }
    if (macs > static_cast<double>(kMaxExactInteger)) {
      throw where_.error("layer '" + l.name + "' has more than 2^53 multiply-accumulates");
    }
    const auto operand = [&](const char* which, const Names& names, std::int64_t bits, int source) {
      model::LayerOperand o;
      o.name = which;
      o.precision = bits;
      for (const char* n : names) o.indices.push_back({false, l.dim_index(n)});
      if (source >= 0) o.source = source;
      o.constant = source < 0 && o.name != "O";
      std::string term = which;
      for (const char* n : names) {
        std::string lower = n;
        for (char& ch : lower) ch = ch >= 'A' && ch <= 'Z' ? static_cast<char>(ch + 32) : ch;
        term += "[" + lower + "]";
      }
      l.equation += (l.operands.empty() ? "" : l.operands.size() == 1 ? " = " : " * ") + term;
      if (o.constant) l.constant_operands.insert(l.constant_operands.begin(), which);
      l.operands.push_back(std::move(o));
    };
    operand("O", out, p_.partial_bits, -1);
    operand("I", in, p_.activation_bits, data);
    operand("W", weights, weight >= 0 ? p_.activation_bits : p_.weight_bits, weight);
    l.output_final_precision = p_.activation_bits;
    model::WorkloadNode node;
    node.id = l.id;
    node.name = l.name;
    node.operator_type = type;
    node.count = times_;
    for (const int source : {data, weight}) {
      if (source >= 0) node.predecessors.push_back(source);
    }
    if (weight < 0) {
      workload_.sequence->weight_bits +=
          static_cast<double>(times_) * static_cast<double>(l.operand_bits(2));
    }
    node.layer = std::move(l);
    workload_.nodes.push_back(std::move(node));
    return workload_.nodes.back().id;
  }

  // rows by inner features times inner by columns, for each position and sequence
  int product(const std::string& name, std::int64_t rows, std::int64_t inner, std::int64_t columns,
              int data, const char* type = "MatMul") {
    return layer(name, type, {{"C", inner}, {"D", rows}, {"K", columns}, {"B", p_.batch}},
                 {"B", "D", "K"}, {"B", "D", "C"}, {"C", "K"}, data);
  }

  // Work without a loop nest; elements are of the output.
  int element(const std::string& name, const char* type, double elements, double per, double inputs,
              std::vector<int> from) {
    model::WorkloadNode node;
    node.id = static_cast<int>(workload_.nodes.size());
    node.name = prefix_ + name;
    node.operator_type = type;
    const auto times = static_cast<double>(times_);
    const auto bits = static_cast<double>(p_.activation_bits);
    node.work = model::ElementWork{type, times * elements * per, times * elements * inputs * bits,
                                   times * elements * bits};
    for (const int source : from) {
      if (source >= 0) node.predecessors.push_back(source);
    }
    workload_.nodes.push_back(std::move(node));
    return workload_.nodes.back().id;
  }

  void begin() {
    workload_.sequence.emplace();
    workload_.sequence->tokens = tokens();
    if (c_.kind == ModelKind::vision) {
      const std::int64_t side = c_.image / c_.patch;
      current_ =
          product("patches", side * side, c_.channels * c_.patch * c_.patch, c_.hidden, -1, "Conv");
    } else if (c_.vocabulary > 0) {
      current_ =
          element("embedding", "Gather", tokens() * static_cast<double>(c_.hidden), 0, 1, {});
      workload_.sequence->weight_bits += static_cast<double>(c_.vocabulary) *
                                         static_cast<double>(c_.hidden) *
                                         static_cast<double>(p_.weight_bits);
    }
  }

  void end() {
    const double width = static_cast<double>(c_.hidden);
    const char* norm =
        c_.gated || c_.kind == ModelKind::scan ? "RMSNormalization" : "LayerNormalization";
    const int normed = element("norm", norm, tokens() * width, 5, 1, {current_});
    if (c_.kind == ModelKind::vision) {
      product("head", 1, c_.hidden, c_.classes, normed, "Gemm");
    } else if (c_.vocabulary > 0) {
      product("head", p_.queries, c_.hidden, c_.vocabulary, normed);
    }
  }

  void attention_layer() {
    const double width = tokens() * static_cast<double>(c_.hidden);
    const std::int64_t group = c_.heads / c_.kv_heads;
    const char* norm = c_.gated ? "RMSNormalization" : "LayerNormalization";
    const int normed = element("attention_norm", norm, width, c_.gated ? 5 : 7, 1, {current_});
    int q = product("q", p_.queries, c_.hidden, c_.heads * c_.head, normed);
    int k = product("k", p_.queries, c_.hidden, c_.kv_heads * c_.head, normed);
    const int v = product("v", p_.queries, c_.hidden, c_.kv_heads * c_.head, normed);
    if (c_.kind == ModelKind::decoder) {
      const double features = static_cast<double>(c_.head);
      q = element("rotate_q", "RotaryEmbedding",
                  tokens() * features * static_cast<double>(c_.heads), 3, 1, {q});
      k = element("rotate_k", "RotaryEmbedding",
                  tokens() * features * static_cast<double>(c_.kv_heads), 3, 1, {k});
      workload_.sequence->cache_bits +=
          2.0 * static_cast<double>(times_) * features * static_cast<double>(c_.kv_heads) *
          static_cast<double>(p_.keys) * static_cast<double>(p_.batch) *
          static_cast<double>(p_.activation_bits);
    }
    // Keys and values are read once for all query heads that share them.
    const Names out{"B", "H", "G", "D", "K"};
    const Names in{"B", "H", "G", "D", "C"};
    const Names shared{"B", "H", "C", "K"};
    const auto loops = [&](std::int64_t inner, std::int64_t columns) {
      return Loops{{"C", inner},    {"D", p_.queries},  {"K", columns},
                   {"B", p_.batch}, {"H", c_.kv_heads}, {"G", group}};
    };
    const int scores = layer("scores", "MatMul", loops(c_.head, p_.keys), out, in, shared, q, k);
    const double attended = tokens() * static_cast<double>(c_.heads) * static_cast<double>(p_.keys);
    const int softmax = element("softmax", "Softmax", attended, 8, 1, {scores});
    const int values =
        layer("values", "MatMul", loops(p_.keys, c_.head), out, in, shared, softmax, v);
    const int o = product("o", p_.queries, c_.heads * c_.head, c_.hidden, values);
    const int sum = element("attention_sum", "Add", width, 1, 2, {o, current_});
    const int second = element("ffn_norm", norm, width, c_.gated ? 5 : 7, 1, {sum});
    const int down = c_.experts > 1 ? experts(second) : feed_forward("", 1, p_.queries, second);
    current_ = element("ffn_sum", "Add", width, 1, 2, {down, sum});
  }

  // `groups` sets of weights, each on its rows; where there is one, rows of each sequence.
  int feed_forward(const std::string& suffix, std::int64_t groups, std::int64_t rows, int data) {
    const bool one = groups == 1 && suffix.empty();
    const auto part = [&](const char* name, std::int64_t inner, std::int64_t columns, int from) {
      if (one) return product(name, rows, inner, columns, from);
      return layer(name + suffix, "MatMul",
                   {{"C", inner}, {"D", rows}, {"K", columns}, {"G", groups}}, {"G", "D", "K"},
                   {"G", "D", "C"}, {"G", "C", "K"}, from);
    };
    const double wide = (one ? tokens() : static_cast<double>(groups) * static_cast<double>(rows)) *
                        static_cast<double>(c_.ffn);
    const int up = part("up", c_.hidden, c_.ffn, data);
    int active = up;
    if (c_.gated) {
      const int gate = part("gate", c_.hidden, c_.ffn, data);
      const int silu = element("silu" + suffix, "Silu", wide, 6, 1, {gate});
      active = element("mul" + suffix, "Mul", wide, 1, 2, {silu, up});
    } else {
      active = element("gelu" + suffix, "Gelu", wide, 6, 1, {up});
    }
    return part("down", c_.ffn, c_.hidden, active);
  }

  // Every token goes to some experts; those that are used share the tokens as evenly as can be.
  int experts(int data) {
    const int router = product("router", p_.queries, c_.hidden, c_.experts, data);
    const int chosen =
        element("choose", "Softmax", tokens() * static_cast<double>(c_.experts), 8, 1, {router});
    const auto rows = static_cast<std::int64_t>(tokens()) * c_.active_experts;
    const std::int64_t used = std::min(c_.experts, rows);
    const std::int64_t longer = rows % used;
    int last = -1;
    if (longer > 0) last = feed_forward("_a", longer, rows / used + 1, chosen);
    const int rest =
        feed_forward(longer > 0 ? "_b" : "_experts", used - longer, rows / used, chosen);
    // Weights of experts that no token needs lie in memory all the same.
    const double idle = static_cast<double>(c_.experts - used) * static_cast<double>(times_) *
                        (c_.gated ? 3 : 2) * static_cast<double>(c_.hidden) *
                        static_cast<double>(c_.ffn);
    workload_.sequence->weight_bits += idle * static_cast<double>(p_.weight_bits);
    return element("mix", "Add", tokens() * static_cast<double>(c_.hidden), 2,
                   static_cast<double>(c_.active_experts), {rest, last});
  }

  void scan_layer() {
    const double width = tokens() * static_cast<double>(c_.hidden);
    const double wide = tokens() * static_cast<double>(c_.inner);
    const int normed = element("norm_in", "RMSNormalization", width, 5, 1, {current_});
    const int in = product("in", p_.queries, c_.hidden, 2 * c_.inner, normed);
    const int conv =
        layer("convolution", "Conv",
              {{"B", p_.batch}, {"G", c_.inner}, {"OX", p_.queries}, {"FX", c_.convolution}},
              {"B", "G", "OX"}, {"B", "G", "OX"}, {"G", "FX"}, in);
    const int silu = element("silu", "Silu", wide, 6, 1, {conv});
    const int x = product("x", p_.queries, c_.inner, c_.rank + 2 * c_.state, silu);
    const int dt = product("dt", p_.queries, c_.rank, c_.inner, x);
    // State times its decay, plus the input, and the read-out, for each channel and state.
    const int scan = element("scan", "SSM", wide * static_cast<double>(c_.state), 6, 1, {dt, silu});
    const int gated = element("gate", "Mul", wide, 7, 2, {scan, in});
    const int out = product("out", p_.queries, c_.inner, c_.hidden, gated);
    current_ = element("sum", "Add", width, 1, 2, {out, current_});
    workload_.sequence->cache_bits +=
        static_cast<double>(times_ * p_.batch) * static_cast<double>(c_.inner) *
        static_cast<double>(c_.state + c_.convolution) * static_cast<double>(p_.activation_bits);
  }

  const Value& where_;
  const Config& c_;
  const Pass& p_;
  bool expanded_;
  model::Workload workload_;
  std::string prefix_;
  std::int64_t times_ = 1;
  int current_ = -1;  // what the layers hand on
};

}  // namespace

bool is_language_model(const Value& document) {
  return document.is_map() && document.find("model").has_value();
}

model::Workload read_language_model(const Value& document, const std::string& name, bool expanded) {
  document.allow_only({"model", "phase", "context", "batch", "precision", "clock"});
  const Value model = document.at("model");
  const Config config = read_config(model);
  Pass pass;
  const auto phase = document.find("phase");
  if (phase) {
    if (phase->as_string() != "prefill" && phase->as_string() != "decode") {
      throw phase->error("'" + phase->text() + "' is no phase", "prefill or decode");
    }
    pass.decode = phase->text() == "decode";
  }
  if (const auto batch = document.find("batch")) pass.batch = batch->as_integer(1, kMost);
  if (config.kind == ModelKind::vision) {
    const std::int64_t side = config.image / config.patch;
    if (side > 40'000) throw model.error("an image of more than 40,000 patches a side");
    pass.queries = pass.keys = side * side + 1;
    if (pass.decode) throw phase->error("a vision model has no decode phase", "leave it out");
  } else {
    pass.keys = document.at("context").as_integer(1, kMost);
    pass.queries = pass.decode ? 1 : pass.keys;
    if (pass.decode && config.kind == ModelKind::encoder) {
      throw phase->error("an encoder has no decode phase", "prefill, or kind: decoder");
    }
  }
  if (pass.batch > kMaxExactInteger / pass.queries)
    throw document.at("batch").error("too many tokens");
  if (const auto precision = document.find("precision")) {
    precision->allow_only({"W", "I", "O"});
    const auto take = [&](const char* which, std::int64_t& into) {
      if (const auto bits = precision->find(which)) into = bits->as_integer(1, 4096);
    };
    take("W", pass.weight_bits);
    take("I", pass.activation_bits);
    pass.partial_bits = 2 * pass.activation_bits;
    take("O", pass.partial_bits);
  }
  model::Workload workload = Writer(model, config, pass, expanded).run(name);
  if (const auto clock = document.find("clock"))
    workload.sequence->clock = clock->as_real_at_least(0);
  return workload;
}

}  // namespace ridgeline::io
