// Loop nests of single operators, and what builds them. Only for multicore_layers.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/onnx/multicore_layers.hpp"

namespace ridgeline::io {

// Assembles a layer operand by operand.
class LayerBuilder {
 public:
  void dim(const std::string& name, std::int64_t size) { layer.dims.push_back({name, size}); }
  void relation(const std::string& name, const std::string& outer, std::int64_t stride,
                const std::string& inner, std::int64_t dilation, std::int64_t padding_begin,
                std::int64_t padding_end, std::int64_t size);
  // Indices are loops or relations, by name.
  void operand(const std::string& name, const std::vector<std::string>& indices,
               std::int64_t precision);
  // Constants, sources and the equation's text. `sources`: operand and id of its producer.
  model::Layer finish(const std::vector<std::pair<std::string, int>>& sources);

  model::Layer layer;
};

struct Precisions {
  std::int64_t weight = 8;
  std::int64_t activation = 8;
  std::int64_t output = 16;
};
Precisions precisions(const OperatorContext& op);
// Loop names for `count` axes: the mapping's, or the first of `defaults`.
std::vector<std::string> loop_names(const OperatorContext& op, std::size_t count,
                                    const std::vector<std::string>& defaults);

// Default names of the loops over an element-wise operator's axes.
extern const std::vector<std::string> kElementNames;

std::string lower_case(std::string text);
const OnnxNode& node_of(const OperatorContext& op);
std::vector<std::int64_t> input_sizes(const OperatorContext& op, std::size_t input);
std::vector<std::int64_t> output_sizes(const OperatorContext& op);
// "1x64x56x56"
std::string shape_text(const std::vector<std::int64_t>& sizes);
// Axes a loop nest needs where a tensor has none.
std::vector<std::int64_t> at_least_one_axis(std::vector<std::int64_t> sizes);

model::Layer lower_conv(const OperatorContext& op);
model::Layer lower_pool(const OperatorContext& op);
model::Layer lower_matrix_product(const OperatorContext& op);
model::Layer lower_elementwise(const OperatorContext& op, bool two_inputs);
model::Layer lower_reduction(const OperatorContext& op);
model::Layer lower_einsum(const OperatorContext& op);

}  // namespace ridgeline::io
