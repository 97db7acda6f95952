// What `schedule` takes beside network, system and mapping: allocations, in the form of a result or
// of a list, and stacks. Whatever the text, an InputError or cores and layers that are there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/document/document.hpp"
#include "io/inputs/schedule_inputs.hpp"

namespace {

namespace io = ridgeline::io;
namespace model = ridgeline::model;

constexpr int kCores = 3;
constexpr int kLayers = 4;

model::Network network() {
  model::Network result;
  for (int id = 0; id < kLayers; ++id) {
    model::NetworkNode node;
    node.id = id;
    node.name = "Layer" + std::to_string(id);
    node.layer.emplace();
    node.layer->dims = {{"K", 8}, {"C", 8}};
    result.nodes.push_back(node);
  }
  return result;
}

model::MultiCore system() {
  model::MultiCore result;
  result.cores.resize(kCores);
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const model::Network layers = network();
  static const model::MultiCore cores = system();
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const io::Format format : {io::Format::yaml, io::Format::json}) {
    try {
      const io::Document document = io::parse_document(text, "fuzz", format);
      try {
        for (const auto& [id, list] : io::read_allocation(document.root(), layers, cores)) {
          if (layers.node_index(id) < 0 || list.empty()) std::abort();
          for (const int core : list) {
            if (core < 0 || core >= kCores) std::abort();
          }
        }
      } catch (const io::InputError&) {
      }
      for (const auto& stack : io::read_stacks(document.root(), layers)) {
        for (const int id : stack) {
          if (layers.node_index(id) < 0) std::abort();
        }
      }
    } catch (const io::InputError&) {
    }
  }
  return 0;
}
