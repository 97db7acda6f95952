// Arrays that compute inside SRAM, analogue or digital (docs/in-memory.md): reached through
// compute_array.hpp.
#pragma once

#include "model/core/compute_array.hpp"

namespace ridgeline::model {

// Name of the memory that is the cells of the array, and holds weights.
inline constexpr std::string_view kCellMemory = "cells";

double serial_passes(const InMemoryCompute& imc);  // activation bits / bits of one pass
std::variant<Parts, std::string> in_memory_energy(const Accelerator& accelerator,
                                                  const Layer& layer,
                                                  const SpatialMapping& spatial);
double in_memory_precharge(const Accelerator& accelerator, const Memory& memory);
Parts in_memory_area(const Accelerator& accelerator);
ArrayCircuit in_memory_circuit(const Accelerator& accelerator);

// Energy of a tree of adders for `inputs` numbers of `bits` bits of which `active` change, pJ.
// `inputs` is a power of two.
double adder_tree_energy(double active, double inputs, double bits);

// Rows and columns of the array that a layer uses, and how often they are activated, as one
// macro (section 4 of docs/in-memory.md).
struct ArrayUse {
  double rows = 1;
  double columns = 1;
  double activations = 1;
};
ArrayUse array_use(const Accelerator& accelerator, const Layer& layer,
                   const SpatialMapping& spatial);

}  // namespace ridgeline::model
