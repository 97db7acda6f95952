// What ResNet-18 costs on a TPU-like core, as a program of one's own.
//   library EXAMPLES_FOLDER
#include <iostream>
#include <ridgeline/ridgeline.hpp>

int main(int argc, char** argv) try {
  const std::string folder = argc > 1 ? argv[1] : "examples";
  ridgeline::Callbacks callbacks;
  callbacks.note = [](bool detail, const char* text) {
    if (!detail) std::cerr << "note: " << text << '\n';
  };
  auto result = ridgeline::evaluate(R"({"workload": ")" + folder + R"(/workloads/resnet18.onnx",
      "accelerator": ")" + folder + R"(/accelerators/tpu_like.yaml",
      "mapping": ")" + folder + R"(/mappings/tpu_like.yaml",
      "engine": "loma", "objective": "energy"})",
                                    callbacks);
  std::cout << result.form("text");  // result.text() is JSON
} catch (const ridgeline::Error& error) {
  std::cerr << error.what() << '\n';
  return error.status;
}
