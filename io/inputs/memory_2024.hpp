// Memories as ZigZag 3.0 to 3.8.1 describe them: one bandwidth for reading and one for writing,
// numbers of ports, and for each operand the ports that serve it (docs/input-formats.md).
//
//   {r_bw: 64, w_bw: 64, r_port: 0, w_port: 0, rw_port: 1, operands: [I1],
//    ports: [{fh: rw_port_1, tl: rw_port_1}], min_r_granularity: 8, ...}
//
// Internal to io/.
#pragma once

#include <vector>

#include "io/document/document.hpp"
#include "model/core/accelerator.hpp"

namespace ridgeline::io {

bool is_memory_of_2024(const Value& memory);
// Throws InputError for keys that such a memory does not have.
void allow_memory_of_2024(const Value& memory);

// Its ports, of the form that later versions list them in: those that read, write and do both, in
// this order. `memory`: with its operands. Throws InputError.
std::vector<model::Port> read_ports_of_2024(const Value& value, const model::Memory& memory);

}  // namespace ridgeline::io
