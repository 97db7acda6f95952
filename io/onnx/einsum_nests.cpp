// Einsum: every letter of its equation is a loop.
#include <algorithm>
#include <map>
#include <set>

#include "io/onnx/product_layer.hpp"

namespace ridgeline::io {

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

}  // namespace ridgeline::io
