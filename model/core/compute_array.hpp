// What an array of units is and costs by itself: cycles and energy of its operations, area, clock.
//
// The one seam between the model of a core and the kinds of arrays: whatever an array is made of,
// the rest of the model asks these functions only. A new kind is a file beside
// in_memory_array.cpp, its parameters in OperationalArray, and a branch in compute_array.cpp.
// All functions are pure. Units: pJ, ns, and mm2 or the document's own unit of area.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::model {

// Named parts of a figure, in the order in which they are added up.
struct Parts {
  struct Part {
    std::string_view name;  // as results show it: "adders_regular"
    double value = 0;
  };
  std::vector<Part> parts;

  double total() const;  // sum in order
  void add(std::string_view name, double value) { parts.push_back({name, value}); }
};

// Cycles that one operation of a unit takes: 1, or the passes of a bit-serial array.
double cycles_per_operation(const OperationalArray& array);

// Energy of all operations of a layer under a spatial mapping as the user gives it (whole
// factors), pJ. It does not depend on the temporal mapping. A text says why there is none.
std::variant<Parts, std::string> compute_energy(const Accelerator& accelerator, const Layer& layer,
                                                const SpatialMapping& spatial);

// What a read of one word of `memory` costs on top of its r_cost, pJ, because the array works on
// the bit lines of that memory; 0 for all others.
double precharge_cost(const Accelerator& accelerator, const Memory& memory);

// Area of the array without the memories around it.
Parts array_area(const Accelerator& accelerator);

// What is known of an array as a circuit; nothing of an array of plain multiply-accumulate units.
struct ArrayCircuit {
  Parts clock;        // ns of the longest path
  Parts peak_energy;  // pJ of a cycle in which every unit works
  // Operations, two a multiply-accumulate, with every unit in use.
  double peak_tops = 0;  // 10^12 a second
  double peak_tops_per_watt = 0;
  double peak_tops_per_mm2 = 0;
};
std::optional<ArrayCircuit> array_circuit(const Accelerator& accelerator);

// Period of a cycle in ns: of the array as a circuit, or as the document gives it.
std::optional<double> cycle_ns(const Accelerator& accelerator);

// Whether the array skips layers of this operator type, as the reference does with pooling and
// sums on in-memory-computing arrays: they are no part of the totals.
bool skips_operator(const OperationalArray& array, std::string_view operator_type);

}  // namespace ridgeline::model
