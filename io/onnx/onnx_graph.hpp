// A plain view of an ONNX model: its nodes, its tensors' shapes and the small integer constants
// that decide shapes. Weights are never needed and never loaded from outside the file.
//
// The file is judged by our own checks first (sizes, counts, names, order of the nodes). Local
// functions and the branches of If that are decided take the place of their callers. Shapes and
// small constants are followed node by node: by our own rules (shape_rules.hpp,
// constant_folding.hpp), else by the ONNX library's inference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/document/error.hpp"

namespace ridgeline::io {

// Bits an element that replace those of the model.
struct OnnxPrecision {
  std::optional<std::int64_t> weight{};
  std::optional<std::int64_t> activation{};
  std::optional<std::int64_t> output{};  // of partial sums
};

struct OnnxOptions {
  // Values of dimensions, each >= 1: of a symbolic one by its name, of any dimension of a tensor
  // as "tensor:axis".
  std::map<std::string, std::int64_t> dims;
  bool strict = false;        // refuse arithmetic that has no cost (the lowering's business)
  bool strict_graph = false;  // refuse every operator without cost
  bool quirks = true;         // the reference's rules where they are not what the model says
  OnnxPrecision precision{};
};

struct OnnxDim {
  std::int64_t size = 0;  // 0: not known, unless `zero`
  std::string symbol;     // its name where it is symbolic and has no value; may be empty
  bool zero = false;      // known to be 0
};
using OnnxShape = std::vector<OnnxDim>;

struct OnnxTensor {
  std::string name;
  std::optional<OnnxShape> shape;
  int element_type = 0;  // ONNX's TensorProto.DataType; 0: not known
  int producer = -1;     // place of the node that writes it; -1: input, initializer
  bool graph_input = false;
  bool graph_output = false;
  bool initializer = false;
  bool constant = false;  // known before the network runs: weights, shapes and what follows
  // Elements, where there are at most kMaxOnnxConstants and they are stored in the file or follow
  // from what is: of integers and truth values, and of real numbers.
  std::optional<std::vector<std::int64_t>> values;
  std::optional<std::vector<double>> reals;
  // Integers of which some are kUnknownValue; only where `values` is not set.
  std::optional<std::vector<std::int64_t>> partial;
};

inline constexpr std::int64_t kUnknownValue = std::numeric_limits<std::int64_t>::min();

struct OnnxAttribute {
  enum class Kind : std::uint8_t { integer, integers, real, reals, text, tensor, other };
  std::string name;
  Kind kind = Kind::other;
  std::vector<std::int64_t> integers;  // one of kind `integer`; a small integer tensor's values
  std::vector<double> reals;
  std::string text;
};

struct OnnxNode {
  std::string name;  // as in the file: may be empty, may repeat
  std::string op_type;
  std::string domain;        // "" is the standard one
  std::vector<int> inputs;   // places in OnnxGraph::tensors; -1: an optional input left out
  std::vector<int> outputs;  // the same
  std::vector<OnnxAttribute> attributes;
  bool has_subgraph = false;  // If, Loop, Scan: what happens inside is not seen
  bool constant = false;      // all that it writes is known before the network runs
  int file_place = -1;        // of the file's node that it comes from; -1: its own

  const OnnxAttribute* attribute(std::string_view attribute) const;  // null where absent
};

struct OnnxGraph {
  std::string file;
  std::string name;
  std::int64_t opset = 0;       // of the standard domain; 0: not said
  std::vector<OnnxNode> nodes;  // each one after those whose outputs it reads
  std::vector<OnnxTensor> tensors;
  std::unordered_map<std::string, int> tensor_index;  // name -> place in `tensors`
  std::vector<int> inputs;                            // graph inputs that are no initializers
  std::vector<int> outputs;
  std::string inference_problem;     // why shape inference could not do all; for messages
  std::vector<std::string> symbols;  // symbolic dimensions that have no value, sorted
  std::vector<std::string> notes;    // what was accepted and yet is not quite right

  const OnnxTensor* find(std::string_view tensor) const;  // null where absent
  const OnnxTensor& tensor(int index) const { return tensors[static_cast<std::size_t>(index)]; }
  // "Op<place>" where the file gives none.
  std::string node_name(int node) const;
  // Producers of a node's inputs, in input order, repetitions kept; those of constants left out
  // unless `with_constants`.
  std::vector<int> predecessors(int node, bool with_constants = false) const;
};

inline constexpr std::size_t kMaxOnnxBytes = (std::size_t{1} << 31) - 1;  // protobuf's own limit
inline constexpr int kMaxOnnxNodes = 200'000;
inline constexpr int kMaxOnnxTensors = 1'000'000;
inline constexpr int kMaxOnnxRank = 16;
inline constexpr std::int64_t kMaxOnnxConstants = 65'536;

// Reads a file. InputError: not there, not a complete ONNX model, inconsistent, too large, or a
// value in `options.dims` whose dimension the model does not have.
OnnxGraph read_onnx_graph(const std::filesystem::path& path, const OnnxOptions& options = {});
// The same from memory; `name` stands for the file in messages.
OnnxGraph parse_onnx_graph(std::string_view bytes, const std::string& name,
                           const OnnxOptions& options = {});

// For lowerings. All errors name the file, the node and what would be right.
InputError onnx_error(const OnnxGraph& graph, int node, const std::string& problem,
                      const std::string& remedy = "");
// An attribute's value or the default; an error where it has another type.
std::int64_t integer_attribute(const OnnxGraph& graph, int node, std::string_view name,
                               std::int64_t otherwise);
std::vector<std::int64_t> integers_attribute(const OnnxGraph& graph, int node,
                                             std::string_view name,
                                             const std::vector<std::int64_t>& otherwise);
// Transpose: axis i of the result is axis [i] of the data; reversed where the node says nothing.
// Nothing where what it says is no order of `rank` axes.
std::optional<std::vector<std::int64_t>> axis_order(const OnnxNode& transpose, std::size_t rank);
// Shape of a node's input or output; an error where the node lacks it or its shape is unknown.
// Dimensions may still be unknown (size 0).
const OnnxShape& input_shape(const OnnxGraph& graph, int node, int input);
const OnnxShape& output_shape(const OnnxGraph& graph, int node, int output);
// The size of one dimension (negative: from the last one); an error that names the dimension
// and the option that settles it where it is not known. `tensor` as in OnnxNode::inputs.
std::int64_t known_size(const OnnxGraph& graph, int node, int tensor, int dim);

}  // namespace ridgeline::io
