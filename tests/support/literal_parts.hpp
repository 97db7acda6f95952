// What the literal model is made of: an operand with all that the description derives for it, and
// the functions that derive it. Only for literal_*.cpp.
#pragma once

#include <set>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::testing::literal {

using model::Direction;
using model::MemoryOperand;

inline constexpr int kTl = static_cast<int>(Direction::rd_out_to_low);
inline constexpr int kFl = static_cast<int>(Direction::wr_in_by_low);
inline constexpr int kTh = static_cast<int>(Direction::rd_out_to_high);
inline constexpr int kFh = static_cast<int>(Direction::wr_in_by_high);

inline std::size_t z(int i) {
  return static_cast<std::size_t>(i);
}

struct Loop {
  int dim;
  double size;
};
using Loops = std::vector<Loop>;
using Levels = std::vector<Loops>;

// 1.2: classes of dimensions.
struct Classes {
  bool pr = false;
  std::vector<int> r;  // in the equation's order
  std::set<int> ir;
};

struct Function {
  MemoryOperand operand;
  int direction;
};

// One operand with one version of the spatial mapping.
struct Version {
  Levels s;               // S[0..M]
  std::vector<double> u;  // total unit count
  std::vector<double> y;  // unique unit count
  std::vector<double> b;  // bandwidth boost
  // 4.5 to 4.7, by architecture level
  std::vector<double> e;
  std::vector<bool> psi;
  std::vector<double> p;
  std::vector<double> omega;  // two more entries than levels, both 1
};

struct Operand {
  MemoryOperand memory_operand;
  Classes classes;
  bool output = false;
  double precision = 0;
  double final_precision = 0;
  double elements = 0;        // N_o
  std::vector<int> memories;  // of its levels
  Version real;
  Version integer;
  Levels allocated;  // L as the allocator gives it
  Levels l;          // and after the merge
  // 4.3, 4.4, by architecture level
  std::vector<double> pi;
  std::vector<double> n;
  std::vector<double> topr;
  std::vector<double> topir;
};

// 4.8, 4.10: one link.
struct Link {
  double q = 0;  // elements a period
  double p = 0;
  double period = 0;
  double n = 0;
  double bandwidth = 0;
  double window = 0;
};

// 2.2, 2.3: places of memories in the order in which they are filled; functions of each port.
std::vector<int> topological_order(const model::Accelerator& accelerator);
std::vector<std::vector<Function>> port_functions(const model::Memory& memory);

// 1.3: extent of a relation's data dimension for extents of its loops.
double extent(const model::Layer& layer, const model::DimRelation& relation, double e1, double e2);

// All that does not depend on the temporal loops.
std::vector<Operand> operands_of(const model::Layer& layer, const model::Accelerator& accelerator,
                                 const model::MappingEntry& links,
                                 const model::SpatialMapping& spatial);

// The allocator; false where the loops do not fit.
bool allocate(const model::Layer& layer, const model::Accelerator& accelerator,
              const std::vector<int>& order, std::vector<Operand>& operands, const Loops& temporal,
              bool even);

// 4.2 to 4.7, once the loops are allocated.
void settle_temporal(Operand& operand);
void settle_data(const model::Layer& layer, const Operand& operand, Version& version);

Link link_of(const Operand& operand, const Version& v, int m, int direction);

}  // namespace ridgeline::testing::literal
