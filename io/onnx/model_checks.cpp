#include "io/onnx/model_checks.hpp"

#include <string_view>

#include "io/document/utf8.hpp"

namespace ridgeline::io {

namespace {

// UTF-8 without control characters.
bool is_readable(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    if (length == 0 || lead < 0x20 || lead == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::string in_quotes(const std::string& name) {
  return "'" + name + "'";
}

InputError model_error(const OnnxGraph& graph, const std::string& pointer,
                       const std::string& problem, const std::string& remedy) {
  return {{graph.file, pointer, 0, 0}, problem, remedy};
}

const std::string& checked_name(const OnnxGraph& graph, const std::string& name,
                                const std::string& pointer, const std::string& whose) {
  if (name.size() > kLongestName) {
    throw model_error(graph, pointer,
                      "the name of " + whose + " is " + std::to_string(name.size()) + " bytes long",
                      "at most " + std::to_string(kLongestName));
  }
  if (!is_readable(name)) {
    throw model_error(graph, pointer, "the name of " + whose + " is no readable text");
  }
  return name;
}

}  // namespace ridgeline::io
