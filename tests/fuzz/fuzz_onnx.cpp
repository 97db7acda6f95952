// The ONNX reader: whatever the bytes are, it becomes a workload and a network for
// scheduling, with the reference's rules and without, or an InputError. The seeds lack shapes, so
// that inference runs; some have functions of their own and graphs within nodes.
#include <cstddef>
#include <cstdint>

#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ridgeline::io;
  try {
    const OnnxGraph graph =
        parse_onnx_graph({reinterpret_cast<const char*>(data), size}, "fuzz.onnx");
    const OnnxImport import = lower_onnx_workload(graph, "fuzz");
    for (const auto& node : import.workload.nodes) {
      if (node.layer && node.layer->mac_count() < 1) __builtin_trap();
    }
    for (const bool quirks : {true, false}) {
      LoweringOptions options;
      options.onnx.quirks = quirks;
      const NetworkImport network = lower_network(graph, "fuzz", options);
      for (const auto& node : network.network.nodes) {
        if (node.layer && node.layer->mac_count() < 1) __builtin_trap();
      }
    }
  } catch (const InputError&) {
  }
  return 0;
}
