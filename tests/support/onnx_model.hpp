// Small ONNX models as bytes, written without the library that the reader uses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ridgeline::testing {

// Protobuf's wire format, enough of it to build small models without the library under the
// reader: a field is its number and type, then a varint or a length and bytes.
inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number(int field, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(static_cast<std::uint64_t>(value));
}
inline std::string bytes(int field, const std::string& content) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(content.size()) + content;
}

// A tensor's shape: a size, or the name of a symbolic dimension.
struct Dim {
  Dim(int s) : size(s) {}            // NOLINT: sizes are written as they are
  Dim(const char* s) : symbol(s) {}  // NOLINT
  int size = 0;
  std::string symbol;
};
inline std::string value(const std::string& name, const std::vector<Dim>& dims) {
  std::string shape;
  for (const Dim& dim : dims) {
    shape += bytes(1, dim.symbol.empty() ? number(1, dim.size) : bytes(2, dim.symbol));
  }
  return bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)));
}
inline std::string untyped(const std::string& name) {
  return bytes(1, name);
}
inline std::string weight(const std::string& name, const std::vector<int>& dims) {
  std::string tensor;
  for (const int dim : dims) tensor += number(1, dim);
  // Stored in a file that is not there.
  return tensor + number(2, 1) + bytes(8, name) +
         bytes(13, bytes(1, "location") + bytes(2, "gone")) + number(14, 1);
}
inline std::string integers(const std::string& name, const std::vector<int>& values) {
  std::string attribute = bytes(1, name);
  for (const int v : values) attribute += number(8, v);
  return attribute + number(20, 7);
}
inline std::string integer(const std::string& name, int v) {
  return bytes(1, name) + number(3, v) + number(20, 2);
}
inline std::string node(const std::string& op, const std::string& name,
                        const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs,
                        const std::vector<std::string>& attributes = {},
                        const std::string& domain = "") {
  std::string text;
  for (const auto& input : inputs) text += bytes(1, input);
  for (const auto& output : outputs) text += bytes(2, output);
  text += bytes(3, name) + bytes(4, op);
  for (const auto& attribute : attributes) text += bytes(5, attribute);
  return domain.empty() ? text : text + bytes(7, domain);
}

struct Model {
  std::vector<std::string> nodes, inputs, outputs, initializers, value_info;
  int opset = 17;

  std::string text() const {
    std::string graph;
    for (const auto& n : nodes) graph += bytes(1, n);
    graph += bytes(2, "g");
    for (const auto& t : initializers) graph += bytes(5, t);
    for (const auto& t : inputs) graph += bytes(11, t);
    for (const auto& t : outputs) graph += bytes(12, t);
    for (const auto& t : value_info) graph += bytes(13, t);
    return number(1, 8) + bytes(7, graph) + bytes(8, bytes(1, "") + number(2, opset));
  }
};

}  // namespace ridgeline::testing
