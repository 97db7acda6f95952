// A (layer, core, spatial mapping) compiled for evaluating very many temporal mappings.
//
// Everything that does not depend on the temporal loops is computed once; what is left is
// flat: indices, whole numbers held in doubles (exact below 2^53), no strings, no heap. Units:
// bits, cycles, pJ. Sections refer to docs/model.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/limits.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::model {

inline constexpr int kMaxArchLevels = kMaxLevels + 1;  // level 0 is the array
inline constexpr int kMaxUnrolled = 24;                // spatial loops of one operand

// A divisor that many evaluations share. Dividing by a power of two is multiplying by its
// inverse, to the last bit, and several times as fast.
struct Divisor {
  double value = 0;
  double inverse = 0;  // 0: not a power of two

  double divides(double x) const { return inverse != 0 ? x * inverse : x / value; }
};
Divisor divisor(double value);

// One (memory level, direction) of an operand: what each evaluation asks of its port.
struct ProblemTransfer {
  Divisor granule;                // bandwidth_min
  Divisor word;                   // bandwidth_max; value 0 where no port serves it
  double ratio = 0;               // min / max
  std::uint8_t link = kMaxLinks;  // place in Problem::link
};

// What one version (real or whole-numbered) of the spatial mapping means for one operand.
// Arrays by architecture level: loops of level a lie between it and memory level a.
struct OperandSpatial {
  std::array<UnrolledLoop, kMaxUnrolled> loops{};
  std::array<std::uint8_t, kMaxArchLevels + 1> begin{};  // of level a's loops in `loops`
  bool whole = true;                                     // all factors are whole numbers
  std::array<double, kMaxArchLevels> units{};            // instances in use
  std::array<double, kMaxArchLevels> unique_units{};
  std::array<double, kMaxArchLevels> boost{};  // distinct streams that memory level a supplies
  // Only where `whole`: cumulated over levels 0..a.
  std::array<double, kMaxArchLevels> relevant_product{};
  std::array<std::array<double, 2 * kMaxRelations>, kMaxArchLevels> extent{};
  // Whether levels a.. hold an irrelevant loop: of any factor, and of a factor above 1.
  std::array<bool, kMaxArchLevels + 1> irrelevant_from{};
  std::array<bool, kMaxArchLevels + 1> reduced_from{};
};

struct ProblemOperand {
  int levels = 0;  // memory levels
  bool output = false;
  bool partial = false;  // has partially relevant dimensions
  std::uint32_t relevant = 0;
  std::uint32_t irrelevant = 0;
  // The relevant dimensions in the order in which the equation names them: sizes of tiles with
  // fractional factors are products in this order, to the last bit.
  std::array<std::uint8_t, kMaxDims> relevant_dims{};
  std::uint8_t relevant_count = 0;
  double precision = 0;                          // of partial sums, for the output
  double final_precision = 0;                    // equal to `precision` for inputs
  double elements = 0;                           // of the whole operand
  std::array<std::int8_t, kMaxLevels> memory{};  // place in Problem::memories
  std::array<double, kMaxLevels> read_cost{};
  std::array<double, kMaxLevels> write_cost{};
  // By memory level and Direction; 0 where no port serves it.
  std::array<std::array<double, kDirections>, kMaxLevels> bandwidth_min{};
  std::array<std::array<double, kDirections>, kMaxLevels> bandwidth_max{};
  std::array<std::array<double, kDirections>, kMaxLevels> bandwidth_ratio{};    // min / max
  std::array<std::array<ProblemTransfer, kDirections>, kMaxLevels> transfer{};  // the same, hot
  // Of inputs, for the transfer between memory levels m and m+1: how many of its two ports are
  // shared by both inputs (0, 1, 2).
  std::array<std::uint8_t, kMaxLevels> shared_ports{};
  OperandSpatial real;
  OperandSpatial integer;
};

// One active function of a physical port.
struct PortLink {
  std::uint8_t operand = 0;
  std::uint8_t level = 0;
  std::uint8_t direction = 0;
  std::uint8_t stored_as = 0;  // the operand's MemoryOperand
};

struct ProblemPort {
  double bandwidth_max = 0;
  Divisor bandwidth;       // the same
  std::uint8_t begin = 0;  // of its links in Problem::links
  std::uint8_t end = 0;
  std::int8_t memory = 0;  // place in Problem::memories
};

struct MemoryResident {
  std::uint8_t operand = 0;
  std::uint8_t level = 0;
};

struct ProblemMemory {
  double size = 0;                                       // bits
  Divisor capacity;                                      // the same
  int source = 0;                                        // place in Accelerator::memories
  std::array<MemoryResident, kMaxOperands> residents{};  // in the memory's operand order
  std::uint8_t count = 0;
};

struct ProblemRelation {
  std::array<std::uint8_t, 2> dim{};
  std::array<double, 2> coefficient{};
  std::array<double, 2> reduced{};  // coefficient / gcd
  double size = 0;                  // the largest extent it can have
};

struct StrictProblem;  // strict_problem.hpp

// What a mapping is taken to cost.
enum class CostModel : std::uint8_t {
  reference,          // docs/model.md
  reference_of_2023,  // its section 10
  strict,             // docs/strict-model.md
};
inline CostModel cost_model(bool no_quirks) {
  return no_quirks ? CostModel::strict : CostModel::reference;
}

struct Problem {
  int dims = 0;
  int relations = 0;
  int operands = 0;  // output first, then in equation order
  int memories = 0;  // insertion order
  int ports = 0;
  int links = 0;
  bool whole = true;  // the real and the integer spatial mapping are the same
  // An input that stays the same from one cycle to the next is read once (4.3).
  bool repeats_are_free = true;
  // The cost model of early 2023 (docs/model.md, 10): loading borrows no cycles from computing, and
  // words towards a lower level are no wider than its port.
  bool rules_of_2023 = false;
  std::array<ProblemOperand, kMaxOperands> operand;
  std::array<ProblemMemory, kMaxMemories> memory;
  std::array<ProblemPort, kMaxPorts> port;
  std::array<PortLink, kMaxLinks> link;
  std::array<ProblemRelation, kMaxRelations> relation;
  std::array<std::uint8_t, kMaxMemories> topological_order{};  // places in `memory`
  std::array<std::int8_t, kMaxDims> relation_slot{};   // 2*relation + term of a dim; -1: none
  std::array<std::int64_t, kMaxDims> temporal_size{};  // loops that remain after unrolling
  double macs = 0;
  double ideal_cycles = 0;
  double cycles_per_operation = 1;
  double mac_energy = 0;
  double drain = 0;  // cycles until the last results have left a systolic array
  std::shared_ptr<const StrictProblem> strict;  // of the strict model; null: the reference's
};

// Compiles; a text says why that is not possible (a spatial mapping that leaves an operand
// with another number of units, a transfer that no port serves, capacities exceeded).
std::variant<Problem, std::string> compile(const Layer& layer, const Accelerator& accelerator,
                                           const Hierarchy& hierarchy, const MappingEntry& mapping,
                                           const SpatialMapping& spatial,
                                           CostModel model = CostModel::reference);

// Places in Hierarchy::memories of the levels of each layer operand, innermost first. Empty
// lists where the mapping links nothing or no memory stores the operand.
std::vector<std::vector<int>> operand_levels(const Layer& layer, const Hierarchy& hierarchy,
                                             const MappingEntry& mapping);

}  // namespace ridgeline::model
