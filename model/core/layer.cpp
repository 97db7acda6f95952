#include "model/core/layer.hpp"

#include <algorithm>
#include <numeric>

namespace ridgeline::model {

namespace {

// Loop dimensions that take part in any relation.
std::uint32_t relation_dims(const Layer& layer) {
  std::uint32_t mask = 0;
  for (const DimRelation& relation : layer.relations) {
    for (int d : relation.dim) mask |= 1u << d;
  }
  return mask;
}

}  // namespace

int Layer::dim_index(std::string_view dim) const {
  const auto it = std::find_if(dims.begin(), dims.end(),
                               [&](const LoopDim& candidate) { return candidate.name == dim; });
  return it == dims.end() ? -1 : static_cast<int>(it - dims.begin());
}

int Layer::operand_index(std::string_view operand) const {
  const auto it =
      std::find_if(operands.begin(), operands.end(),
                   [&](const LayerOperand& candidate) { return candidate.name == operand; });
  return it == operands.end() ? -1 : static_cast<int>(it - operands.begin());
}

std::int64_t Layer::mac_count() const {
  return std::accumulate(
      dims.begin(), dims.end(), std::int64_t{1},
      [](std::int64_t product, const LoopDim& dim) { return product * dim.size; });
}

std::int64_t Layer::relation_size(int relation) const {
  const DimRelation& r = relations[static_cast<std::size_t>(relation)];
  if (r.given_size) return *r.given_size;
  return joint_extent(r.coefficient[0], dims[static_cast<std::size_t>(r.dim[0])].size,
                      r.coefficient[1], dims[static_cast<std::size_t>(r.dim[1])].size) -
         (r.padding_begin + r.padding_end);
}

std::int64_t Layer::operand_elements(int operand) const {
  const Relevance classes = relevance(*this, operand);
  std::int64_t elements = 1;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (classes.relevant >> d & 1u) elements *= dims[d].size;
  }
  if (classes.partial) {
    for (std::size_t r = 0; r < relations.size(); ++r) {
      const DimRelation& relation = relations[r];
      const std::int64_t extent = joint_extent(
          relation.coefficient[0], dims[static_cast<std::size_t>(relation.dim[0])].size,
          relation.coefficient[1], dims[static_cast<std::size_t>(relation.dim[1])].size);
      elements *= std::min(relation_size(static_cast<int>(r)), extent);
    }
  }
  return elements;
}

std::int64_t Layer::operand_bits(int operand) const {
  return operand_elements(operand) * operands[static_cast<std::size_t>(operand)].precision;
}

std::int64_t joint_extent(std::int64_t c1, std::int64_t extent1, std::int64_t c2,
                          std::int64_t extent2) {
  const std::int64_t g = std::gcd(c1, c2);
  return extent1 * extent2 - std::max<std::int64_t>(0, extent2 - c1 / g) * (extent1 - c2 / g);
}

Relevance relevance(const Layer& layer, int operand) {
  Relevance classes;
  std::uint32_t indexed = 0;
  for (const OperandIndex& index : layer.operands[static_cast<std::size_t>(operand)].indices) {
    if (index.is_relation) {
      classes.partial = true;
    } else {
      indexed |= 1u << index.index;
    }
  }
  std::uint32_t all = 0;
  std::uint32_t larger_than_one = 0;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    all |= 1u << d;
    if (layer.dims[d].size != 1) larger_than_one |= 1u << d;
  }
  if (classes.partial) {
    const std::uint32_t related = relation_dims(layer);
    classes.relevant = indexed & ~related;
    classes.irrelevant = all & ~indexed & ~related & larger_than_one;
  } else {
    classes.relevant = indexed & larger_than_one;
    classes.irrelevant = all & ~indexed & larger_than_one;
  }
  return classes;
}

OperandRoles operand_roles(const Layer& layer) {
  OperandRoles roles;
  const int inputs = static_cast<int>(layer.operands.size()) - 1;
  if (inputs == 0) return roles;
  const auto& constants = layer.constant_operands;
  if (inputs == 1) {
    (constants.empty() ? roles.activation : roles.weight) = 1;
    if (!constants.empty() && !layer.relations.empty()) {
      roles = {.activation = 1, .weight = -1};
    }
    return roles;
  }
  if (constants.size() == 1) {
    roles.weight = layer.operand_index(constants.front());
    roles.activation = roles.weight == 1 ? 2 : 1;
  } else if (constants.empty()) {
    roles.activation = 2;
    roles.weight = 1;
  } else {
    roles.activation = 1;
    if (!layer.relations.empty()) {
      for (int o = 0; o <= inputs; ++o) {
        for (const OperandIndex& index : layer.operands[static_cast<std::size_t>(o)].indices) {
          if (index.is_relation && index.index == 0) roles.activation = o;
        }
      }
    }
    for (const std::string& name : constants) {
      const int o = layer.operand_index(name);
      if (o != roles.activation) roles.weight = o;
    }
  }
  return roles;
}

}  // namespace ridgeline::model
