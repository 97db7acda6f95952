// Any bytes are a document or an InputError; so is what the readers make of the document.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "io/document/document.hpp"
#include "io/document/document_kind.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"

namespace {

using ridgeline::io::Document;
using ridgeline::io::Format;
using ridgeline::io::InputError;

template <typename Call>
void attempt(Call call) {
  try {
    call();
  } catch (const InputError&) {
  }
}

void read_as(Format format, const std::string& text) {
  namespace io = ridgeline::io;
  attempt([&] {
    const Document document = io::parse_document(text, "fuzz", format);
    const auto json = document.to_json();
    // Through JSON text and back, nothing changes.
    const Document again = io::parse_document(json.dump(), "again", Format::json);
    if (again.to_json() != json) std::abort();
    attempt([&] { io::document_kind(document); });
    attempt([&] { io::read_accelerator(document.root()); });
    attempt([&] { io::read_accelerator(document.root(), {.core = true}); });
    attempt([&] { io::read_mapping(document.root()); });
    attempt([&] { io::read_core_mapping(document.root()); });
    attempt([&] {
      const auto workload = io::read_workload(document.root(), "fuzz");
      workload.topological_order();
      workload.without_dummies();
      for (const auto& node : workload.nodes) {
        const auto& layer = *node.layer;
        layer.mac_count();
        for (std::size_t o = 0; o < layer.operands.size(); ++o) {
          if (layer.operand_bits(static_cast<int>(o)) < 0) std::abort();
        }
        ridgeline::model::operand_roles(layer);
      }
    });
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_as(Format::yaml, text);
  read_as(Format::json, text);
  return 0;
}
