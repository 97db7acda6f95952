// A layer: one loop nest over an equation `O[..] += X[..] * Y[..]` (docs/model.md, section 1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ridgeline::model {

struct LoopDim {
  std::string name;       // upper case, e.g. "OX"
  std::int64_t size = 1;  // >= 1
};

// A data dimension that the equation indexes but no loop walks:
// `name = coefficient[0]*dim[0] + coefficient[1]*dim[1]`, e.g. IX = 2*OX + 1*FX.
struct DimRelation {
  std::string name;          // upper case, e.g. "IX"
  std::array<int, 2> dim{};  // indices into Layer::dims, declared order
  std::array<std::int64_t, 2> coefficient{1, 1};
  std::int64_t padding_begin = 0;  // elements, informational once `size` is given
  std::int64_t padding_end = 0;
  std::optional<std::int64_t> given_size;  // explicit total size, e.g. from an ONNX shape
};

// One index of an operand: a loop dimension or the data dimension of a relation.
struct OperandIndex {
  bool is_relation = false;
  int index = 0;  // into Layer::dims or Layer::relations
};

struct LayerOperand {
  std::string name;                   // "O", "I", "W"
  std::vector<OperandIndex> indices;  // in equation order
  std::int64_t precision = 0;         // bits an element; of the output: of partial sums
  bool constant = false;              // produced by no other layer (weights, network input)
  std::optional<int> source;          // id of the producing node, when variable
};

struct Layer {
  int id = 0;
  std::string name;
  std::string operator_type;  // as the mapping file names it: "Conv", "Gemm", "Add", ...
  std::string equation;       // normalised: "O[b][k] = W[k][c] * I[b][c]"
  std::vector<LoopDim> dims;  // declared order, which decides ties in the mapping search
  std::vector<DimRelation> relations;
  std::vector<LayerOperand> operands;          // output first, then in equation order
  std::vector<std::string> constant_operands;  // in the order the workload document gives
  std::int64_t output_final_precision = 0;     // bits of a finished output element

  int dim_index(std::string_view dim) const;          // -1 where the layer has no such loop
  int operand_index(std::string_view operand) const;  // -1 where there is none
  std::int64_t mac_count() const;                     // product of all loop sizes
  // Largest size a relation's data dimension takes: the given one, or that of the whole loops
  // less padding (docs/model.md, 1.3).
  std::int64_t relation_size(int relation) const;
  std::int64_t operand_elements(int operand) const;  // elements of the whole operand
  std::int64_t operand_bits(int operand) const;      // output: at partial-sum precision
};

// Relevance of loop dimensions for one operand (docs/model.md, 1.2).
struct Relevance {
  std::uint32_t relevant = 0;    // bit d: loop dimension d is relevant
  std::uint32_t irrelevant = 0;  // bit d: irrelevant
  bool partial = false;          // all relations of the layer are partially relevant to it
};

Relevance relevance(const Layer& layer, int operand);

// Number of distinct indices of c1*a + c2*b for 0 <= a < extent1, 0 <= b < extent2, in the
// reference's closed form, which over-counts where dilation exceeds the extents.
std::int64_t joint_extent(std::int64_t c1, std::int64_t extent1, std::int64_t c2,
                          std::int64_t extent2);

// Index of the activation and the weight operand in `layer.operands`, -1 where there is none.
struct OperandRoles {
  int activation = -1;
  int weight = -1;
};
OperandRoles operand_roles(const Layer& layer);

}  // namespace ridgeline::model
