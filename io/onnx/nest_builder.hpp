// What the loop nests of single operators are built with. Only for *_nests.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/onnx/operator_nests.hpp"

namespace ridgeline::io {

using Sizes = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

// Bits an element.
struct Precisions {
  std::int64_t weight = 8;
  std::int64_t activation = 8;
  std::int64_t output = 16;  // of partial sums
  std::int64_t final_output = 8;
};
Precisions precisions(const OperatorContext& op);

// Assembles a layer operand by operand.
class NestBuilder {
 public:
  explicit NestBuilder(const OperatorContext& op) : op_(op) {}

  void dim(const std::string& name, std::int64_t size);
  void relation(const std::string& name, const std::string& outer, std::int64_t stride,
                const std::string& inner, std::int64_t dilation, std::int64_t padding_begin,
                std::int64_t padding_end, std::int64_t size);
  // Indices are loops or relations, by name.
  void operand(const std::string& name, const Names& indices, std::int64_t precision);
  // Says which node or layer makes an operand; without one it is constant.
  void source(const std::string& operand, int id);
  // The same for the producer of an input, if it varies.
  void source_of_input(const std::string& operand, std::size_t input);
  // Constants and the equation's text. InputError: sizes beyond what is exact.
  LoweredLayer finish(const std::string& type, std::int64_t final_precision);

  model::Layer layer;

 private:
  const OperatorContext& op_;
};

InputError nest_error(const OperatorContext& op, const std::string& problem,
                      const std::string& remedy = "");

bool has_input(const OperatorContext& op, std::size_t input);
// Whether another node feeds the input.
bool varies(const OperatorContext& op, std::size_t input);
Sizes input_sizes(const OperatorContext& op, std::size_t input);
Sizes output_sizes(const OperatorContext& op);
// Sizes of an input where all of them are known.
std::optional<Sizes> known_sizes(const OperatorContext& op, int tensor);
// "1x64x56x56"
std::string shape_text(const Sizes& sizes);
std::int64_t ceil_div(std::int64_t a, std::int64_t b);
std::int64_t integer_of(const OperatorContext& op, const char* attribute, std::int64_t otherwise);

// Loop names for `count` axes: the mapping's, or the first of `defaults`.
Names loop_names(const OperatorContext& op, std::size_t count, const Names& defaults);

std::vector<LoweredLayer> lower_convolution(const OperatorContext& op, std::size_t second);
std::vector<LoweredLayer> lower_transposed_convolution(const OperatorContext& op);
std::vector<LoweredLayer> lower_pooling(const OperatorContext& op);
std::vector<LoweredLayer> lower_product(const OperatorContext& op, std::size_t second);
std::vector<LoweredLayer> lower_einsum(const OperatorContext& op);
std::vector<LoweredLayer> lower_recurrent(const OperatorContext& op);
std::vector<LoweredLayer> lower_attention(const OperatorContext& op);
std::vector<LoweredLayer> lower_elementwise(const OperatorContext& op, int operations);
std::vector<LoweredLayer> lower_softmax(const OperatorContext& op);
std::vector<LoweredLayer> lower_normalisation(const OperatorContext& op);
std::vector<LoweredLayer> lower_reduction(const OperatorContext& op);
std::vector<LoweredLayer> lower_resampling(const OperatorContext& op);

}  // namespace ridgeline::io
