// Documents of multi-core systems, their cores written in them: whatever the text, an InputError or
// a system whose links and memories can be built.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/document/document.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "model/system/multicore.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace io = ridgeline::io;
  namespace model = ridgeline::model;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const io::Format format : {io::Format::yaml, io::Format::json}) {
    try {
      const io::Document document = io::parse_document(text, "fuzz", format);
      io::is_multicore_document(document.root());
      const model::MultiCore system = io::read_multicore(document.root(), "/nonexistent");
      if (system.cores.empty()) std::abort();
      const model::Interconnect links = model::build_interconnect(system);
      model::build_top_memories(system, links);
    } catch (const io::InputError&) {
    }
  }
  return 0;
}
