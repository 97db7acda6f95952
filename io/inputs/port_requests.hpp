// Reads `requests` of a port: what one moves and takes (docs/strict-model.md, 1.6).
#pragma once

#include "io/document/document.hpp"
#include "model/core/accelerator.hpp"

namespace ridgeline::io {

// `memory`: what the port belongs to; its operands have been read. Throws InputError.
model::PortRequests read_port_requests(const Value& value, const model::Memory& memory);

}  // namespace ridgeline::io
