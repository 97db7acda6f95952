#include "io/document/foreign_file.hpp"

namespace ridgeline::io {

std::string foreign_file_remedy(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".onnx" || ending == ".pb" || ending == ".pbtxt" || ending == ".tflite" ||
      ending == ".pt" || ending == ".pth" || ending == ".h5" || ending == ".keras") {
    std::string text = "a workload ends in .onnx, .yaml, .yml or .json";
    if (ending == ".tflite" || ending == ".pb" || ending == ".pbtxt") {
      text += "; convert this one, e.g. with `python -m tf2onnx.convert`";
    } else if (ending == ".h5" || ending == ".keras") {
      text += "; convert this one with tf2onnx, if it is a Keras model";
    } else if (ending != ".onnx") {
      text += "; export this one with torch.onnx.export";
    }
    return text;
  }
  if (ending == ".py") {
    return "Python inputs were replaced by YAML in ZigZag 3 and in Stream of 2024: "
           "`scripts/convert_inputs` rewrites them, and docs/input-formats.md describes the result";
  }
  if (ending == ".pickle" || ending == ".pkl") {
    return "results of other tools are not read; a document ends in .yaml, .yml or .json";
  }
  return "a document ends in .yaml, .yml or .json, and a workload may also be an .onnx model";
}

int line_indented_with_tab(std::string_view text) {
  int line = 1;
  bool indentation = true;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      indentation = true;
    } else if (c == '\t' && indentation) {
      return line;
    } else if (c != ' ') {
      indentation = false;
    }
  }
  return 0;
}

}  // namespace ridgeline::io
