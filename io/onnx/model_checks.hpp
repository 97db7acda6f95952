// What is wrong with a model file, and whether its names can be shown. Only for graph_*.cpp.
#pragma once

#include <string>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

inline constexpr std::size_t kLongestName = 1024;  // bytes

std::string in_quotes(const std::string& name);

// `pointer` as of a JSON document: "/graph/node/3/name".
InputError model_error(const OnnxGraph& graph, const std::string& pointer,
                       const std::string& problem, const std::string& remedy = "");

// The name itself. InputError: longer than kLongestName, or it could not be shown and written to
// JSON; `whose` says what it names.
const std::string& checked_name(const OnnxGraph& graph, const std::string& name,
                                const std::string& pointer, const std::string& whose);

}  // namespace ridgeline::io
