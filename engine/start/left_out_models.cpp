// What takes the place of the functions that need protobuf and ONNX in the program that is started
// first (left_out.cpp).
#include <filesystem>
#include <string>
#include <string_view>

#include "engine/start/other_program.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "io/onnx/onnx_inference.hpp"

namespace ridgeline::io {

OnnxGraph read_onnx_graph(const std::filesystem::path&, const OnnxOptions&) {
  engine::become(engine::kWithModels);
}

OnnxGraph parse_onnx_graph(std::string_view, const std::string&, const OnnxOptions&) {
  engine::become(engine::kWithModels);
}

bool is_standard_operator(const std::string&) {
  engine::become(engine::kWithModels);
}

}  // namespace ridgeline::io
