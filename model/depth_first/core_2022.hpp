// A second cost model of one core: that of 2022, on which the published figures of depth-first
// scheduling rest (docs/depth-first.md, "The cost model of 2022"). A layer and a spatial mapping
// are compiled once; then very many orderings of temporal loops are costed. Bits, cycles, pJ.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/evaluation.hpp"
#include "model/core/layer.hpp"
#include "model/core/limits.hpp"
#include "model/core/loop_tiling.hpp"

namespace ridgeline::model {

// Where an operand may be.
struct OperandPlaces {
  MemoryOperand link = MemoryOperand::O;  // whose ports it uses
  std::vector<int> memories;              // places in Accelerator::memories, innermost first
};

struct Unrolling {
  int array_dim = 0;
  int dim = 0;
  std::int64_t factor = 1;
};

struct SpatialPart2022 {
  int dim = 0;
  double factor = 1;
};

// One version of the spatial mapping, of one operand, by architecture level (0: the array).
struct OperandSpatial2022 {
  std::array<std::vector<SpatialPart2022>, kMaxLevels + 2> loops;
  std::array<double, kMaxLevels + 2> unique{};
  std::array<double, kMaxLevels + 2> count{};
  std::array<double, kMaxLevels + 2> boost{};
};

struct Operand2022 {
  int levels = 0;
  bool output = false;
  bool partial = false;  // has dimensions that follow from two loops
  std::uint32_t relevant = 0;
  std::uint32_t irrelevant = 0;
  std::uint32_t related = 0;   // loops of its relations
  std::vector<int> relations;  // places in Layer::relations
  double precision = 0;
  double final_precision = 0;
  double elements = 0;                    // of the whole operand
  std::array<int, kMaxLevels> memory{};   // place in Core2022::memory
  std::array<double, kMaxLevels> read{};  // pJ a word
  std::array<double, kMaxLevels> write{};
  std::array<std::array<double, kDirections>, kMaxLevels> bandwidth{};
  std::array<std::array<double, kDirections>, kMaxLevels> granule{};
  std::array<std::array<int, kDirections>, kMaxLevels> port{};  // number of the port in the core
  std::array<OperandSpatial2022, 2> spatial;                    // real, whole
};

struct Memory2022 {
  int source = 0;  // place in Accelerator::memories
  double size = 0;
  double latency = 1;
  std::vector<MemoryResident> residents;  // in the memory's operand order
};

struct Core2022 {
  const Layer* layer = nullptr;
  int ports = 0;
  double mac_energy = 0;  // pJ of one
  double units = 1;
  double macs = 1;
  std::vector<Operand2022> operand;         // output first
  std::vector<Memory2022> memory;           // in the accelerator's order
  std::vector<std::int64_t> temporal_size;  // by loop dimension; 1: no loop
};

// `classes`: relevance of the loops for each operand, as decided from the layer's listed sizes. The
// layer must outlive the result.
std::variant<Core2022, std::string> compile_2022(const Layer& layer,
                                                 const std::vector<Relevance>& classes,
                                                 const Accelerator& accelerator,
                                                 const std::vector<OperandPlaces>& places,
                                                 const std::vector<Unrolling>& unrolls);

// Cuts an ordering into memory levels as the model of 2022 does; false where it does not fit.
bool allocate_2022(const Core2022& core, const Ordering& ordering, Cuts& cuts);

// Energy alone, which is what orderings are chosen by. Negative where a memory would be overfull.
double energy_2022(const Core2022& core, const Ordering& ordering, const Cuts& cuts);

// Everything. `Cost::latency` is with final offloading (total2), as in the other model.
Evaluation explain_2022(const Core2022& core, const Ordering& ordering, const Cuts& cuts);

}  // namespace ridgeline::model
