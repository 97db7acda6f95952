// Mapping documents of multi-core systems to model::CoreMapping (docs/multicore.md, 1.3).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"

namespace ridgeline::io {

// Tilings that an entry leaves out are those of the entry `default`. Throws InputError.
model::CoreMapping read_core_mapping(const Value& document);
model::CoreMapping load_core_mapping(const std::filesystem::path& path);

// Whether the entries that the network's layers use fit the system: the cores are there, and one
// of them can compute. Entries that nothing uses may name whatever they like. Throws InputError
// at the entry's place in the document that `mapping` was read from.
void check_core_mapping(const Value& document, const model::CoreMapping& mapping,
                        const model::Network& network, const model::MultiCore& system);

// Remarks on loops that the mapping cuts and no layer concerned has, and on entries that are for no
// layer: those whose names look like that of a layer or an operator type, or `every` one.
std::vector<std::string> core_mapping_notes(const model::CoreMapping& mapping,
                                            const model::Network& network, bool every);

// "OY, 4", "K, all"; throws InputError.
model::TilingRequest read_tiling(const Value& value, bool wildcard);

}  // namespace ridgeline::io
