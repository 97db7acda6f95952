// Convolutions, their transposes, and pooling.
#include <algorithm>
#include <array>

#include "io/onnx/nest_builder.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

const std::array<const char*, 3> kOutput = {"OX", "OY", "OZ"};
const std::array<const char*, 3> kKernel = {"FX", "FY", "FZ"};
const std::array<const char*, 3> kInput = {"IX", "IY", "IZ"};

// Kernel, strides, dilations and pads over the axes of space, in ONNX's order.
struct Window {
  Sizes kernel, stride, dilation, pads;
};

Sizes positive_list(const OperatorContext& op, const char* name, const Sizes& otherwise) {
  Sizes values = integers_attribute(op.graph, op.node, name, otherwise);
  if (values.size() != otherwise.size()) {
    throw nest_error(
        op,
        "attribute '" + std::string(name) + "' has " + std::to_string(values.size()) + " entries",
        "one for each of the " + std::to_string(otherwise.size()) + " axes of space");
  }
  for (const std::int64_t value : values) {
    if (value < 1 || value > model::kMaxExactInteger) {
      throw nest_error(
          op, "attribute '" + std::string(name) + "' has an entry " + std::to_string(value),
          "from 1 to 2^53");
    }
  }
  return values;
}

// `kernel`: where there is no attribute. `spread` is the larger of two extents of space (a
// convolution's input), for pads that are given as SAME.
Window read_window(const OperatorContext& op, const Sizes& kernel, const Sizes& in,
                   const Sizes& out) {
  const std::size_t axes = kernel.size();
  Window window;
  window.kernel = positive_list(op, "kernel_shape", kernel);
  window.stride = positive_list(op, "strides", Sizes(axes, 1));
  window.dilation = positive_list(op, "dilations", Sizes(axes, 1));
  window.pads = integers_attribute(op.graph, op.node, "pads", Sizes(2 * axes, 0));
  if (window.pads.size() != 2 * axes) {
    throw nest_error(op, "attribute 'pads' has " + std::to_string(window.pads.size()) + " entries",
                     "two for each of the " + std::to_string(axes) + " axes of space");
  }
  const OnnxAttribute* automatic = op.source().attribute("auto_pad");
  if (automatic == nullptr || !automatic->text.starts_with("SAME") || !op.scheduling()) {
    return window;
  }
  for (std::size_t a = 0; a < axes; ++a) {
    if (window.kernel[a] > model::kMaxExactInteger / window.dilation[a] ||
        out[a + 2] > model::kMaxExactInteger / window.stride[a]) {
      throw nest_error(op, "its window reaches beyond 2^53 elements");
    }
    const std::int64_t span = (window.kernel[a] - 1) * window.dilation[a] + 1;
    const std::int64_t total =
        std::max<std::int64_t>(0, (out[a + 2] - 1) * window.stride[a] + span - in[a + 2]);
    const std::int64_t less = total / 2;
    window.pads[a] = automatic->text == "SAME_UPPER" ? less : total - less;
    window.pads[a + axes] = total - window.pads[a];
  }
  return window;
}

// The axes of space as loops: which tensor axis and which entry of the attributes belong to X, Y
// and Z. In the scheduling dialect X is the first axis of space. In the evaluation dialect X is
// the last one; of two axes the reference gives the attributes' first entry, the height, to X
// all the same.
struct SpaceAxis {
  std::size_t tensor = 0;     // axis of input and output
  std::size_t attribute = 0;  // entry of kernel, strides, ...
};
std::vector<SpaceAxis> space_axes(const OperatorContext& op, std::size_t axes) {
  std::vector<SpaceAxis> result;
  for (std::size_t a = 0; a < axes; ++a) {
    const std::size_t from_back = axes - 1 - a;
    if (op.scheduling()) {
      result.push_back({a + 2, a});
    } else {
      result.push_back({from_back + 2, axes == 2 && op.quirks ? a : from_back});
    }
  }
  return result;
}

struct Shapes {
  Sizes in;
  Sizes out;
};

// A batch that nobody gives a size is 1 in the evaluation dialect, as in the reference.
Shapes read_shapes(const OperatorContext& op) {
  const OnnxShape& in = input_shape(op.graph, op.node, 0);
  const OnnxShape& out = output_shape(op.graph, op.node, 0);
  const std::size_t axes = in.size() < 2 ? 0 : in.size() - 2;
  if (in.size() != out.size() || axes < 1 || axes > 3) {
    throw nest_error(op,
                     "has an input of " + std::to_string(in.size()) + " and an output of " +
                         std::to_string(out.size()) + " dimensions",
                     "a batch, channels and 1 to 3 axes of space");
  }
  if (in[0].size > 0 && out[0].size > 0 && in[0].size != out[0].size) {
    throw nest_error(op,
                     "has batch size " + std::to_string(in[0].size) + " in its input and " +
                         std::to_string(out[0].size) + " in its output",
                     "they must agree");
  }
  Shapes shapes;
  for (std::size_t a = 0; a < in.size(); ++a) {
    const int axis = static_cast<int>(a);
    if (a == 0 && !in[0].zero && !out[0].zero) {
      const std::int64_t batch = std::max({in[0].size, out[0].size, std::int64_t{1}});
      shapes.in.push_back(batch);
      shapes.out.push_back(batch);
      continue;
    }
    shapes.in.push_back(known_size(op.graph, op.node, op.source().inputs[0], axis));
    shapes.out.push_back(known_size(op.graph, op.node, op.source().outputs[0], axis));
  }
  return shapes;
}

// Extents of the weights' window; empty where the model does not say.
Sizes kernel_of(const OperatorContext& op, std::size_t second, std::size_t axes) {
  const int weights = has_input(op, second) ? op.source().inputs[second] : -1;
  const auto sizes = known_sizes(op, weights);
  if (!sizes || sizes->size() != axes + 2) {
    if (op.source().attribute("kernel_shape") == nullptr) {
      throw nest_error(op, "has no attribute 'kernel_shape' and weights of unknown shape",
                       "give one of them");
    }
    return Sizes(axes, 1);
  }
  return {sizes->begin() + 2, sizes->end()};
}

Names without(Names names, const std::vector<std::string>& dropped) {
  std::erase_if(names, [&](const std::string& name) {
    return std::find(dropped.begin(), dropped.end(), name) != dropped.end();
  });
  return names;
}

}  // namespace

std::vector<LoweredLayer> lower_convolution(const OperatorContext& op, std::size_t second) {
  const Shapes shapes = read_shapes(op);
  const std::size_t axes = shapes.in.size() - 2;
  const Window window = read_window(op, kernel_of(op, second, axes), shapes.in, shapes.out);
  const std::int64_t groups = integer_of(op, "group", 1);
  if (groups < 1 || groups > std::max(shapes.in[1], shapes.out[1])) {
    throw nest_error(op, "has group " + std::to_string(groups),
                     "from 1 to the number of its channels");
  }
  const std::int64_t outputs = ceil_div(shapes.out[1], groups);
  const std::int64_t channels = ceil_div(shapes.in[1], groups);
  const auto space = space_axes(op, axes);
  const Precisions bits = precisions(op);
  NestBuilder b(op);
  // The scheduling dialect leaves out channel loops of size 1.
  std::vector<std::string> dropped;
  if (op.scheduling() && outputs == 1) dropped.emplace_back("K");
  if (op.scheduling() && channels == 1) dropped.emplace_back("C");
  const auto channel = [&](const char* name, std::int64_t size) {
    if (!op.scheduling() || size > 1) b.dim(name, size);
  };
  b.dim("B", shapes.out[0]);
  channel("K", outputs);
  b.dim("G", groups);
  if (op.scheduling()) {
    b.dim("OX", shapes.out[2]);
    channel("C", channels);
    b.dim("FX", window.kernel[0]);
    for (std::size_t a = 1; a < axes; ++a) {
      b.dim(kOutput[a], shapes.out[space[a].tensor]);
      b.dim(kKernel[a], window.kernel[space[a].attribute]);
    }
  } else {
    for (std::size_t a = 0; a < axes; ++a) b.dim(kOutput[a], shapes.out[space[a].tensor]);
    b.dim("C", channels);
    for (std::size_t a = 0; a < axes; ++a) b.dim(kKernel[a], window.kernel[space[a].attribute]);
  }
  Names out{"B", "G", "K"};
  Names weights{"G", "K", "C"};
  // The reference's weights of a convolution in groups have no output channel.
  if (op.scheduling() && groups == 1) weights = {"K", "C"};
  if (op.scheduling() && groups > 1 && op.quirks) weights = {"G", "C"};
  Names in{"B", "G", "C"};
  for (std::size_t a = 0; a < axes; ++a) {
    const SpaceAxis& axis = space[a];
    b.relation(kInput[a], kOutput[a], window.stride[axis.attribute], kKernel[a],
               window.dilation[axis.attribute], window.pads[axis.attribute],
               window.pads[axis.attribute + axes], shapes.in[axis.tensor]);
  }
  for (std::size_t a = axes; a-- > 0;) {
    out.emplace_back(kOutput[a]);
    weights.emplace_back(kKernel[a]);
    in.emplace_back(kInput[a]);
  }
  const bool computed = varies(op, second);
  b.operand("O", without(out, dropped), bits.output);
  b.operand("W", without(weights, dropped), computed ? bits.activation : bits.weight);
  b.operand("I", without(in, dropped), bits.activation);
  b.source_of_input("I", 0);
  b.source_of_input("W", second);
  std::vector<LoweredLayer> layers{b.finish("conv", bits.final_output)};
  return layers;
}

// A transposed convolution over its input: with stride s the outputs fall into s phases an axis,
// each an ordinary convolution with every s-th element of the kernel. Phases whose kernels are
// equally long make one layer, in which they stand beside the output channels. The count of
// multiply-accumulates is that of the definition: input elements times kernel.
std::vector<LoweredLayer> lower_transposed_convolution(const OperatorContext& op) {
  const Shapes shapes = read_shapes(op);
  const std::size_t axes = shapes.in.size() - 2;
  const Window window = read_window(op, kernel_of(op, 1, axes), shapes.in, shapes.out);
  const std::int64_t groups = integer_of(op, "group", 1);
  if (groups < 1 || groups > std::max(shapes.in[1], shapes.out[1])) {
    throw nest_error(op, "has group " + std::to_string(groups),
                     "from 1 to the number of its channels");
  }
  struct Part {
    std::int64_t phases = 1;
    std::int64_t taps = 1;
    std::int64_t positions = 1;
  };
  std::vector<std::vector<Part>> parts_of(axes);
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t stride = window.stride[a];
    const std::int64_t kernel = window.kernel[a];
    const std::int64_t in = shapes.in[a + 2];
    const std::int64_t out = shapes.out[a + 2];
    // Where outputs are not `stride` times the inputs: equally many terms in each output.
    const bool regular = stride <= out && in <= out / stride && out == in * stride;
    if (!regular && in <= model::kMaxExactInteger / kernel && in * kernel % out == 0) {
      parts_of[a].push_back({1, in * kernel / out, out});
      continue;
    }
    const std::int64_t longer = kernel % stride;
    if (longer > 0) parts_of[a].push_back({longer, kernel / stride + 1, in});
    if (kernel >= stride) parts_of[a].push_back({stride - longer, kernel / stride, in});
  }
  const auto space = space_axes(op, axes);
  const Precisions bits = precisions(op);
  std::vector<LoweredLayer> layers;
  std::vector<std::size_t> choice(axes, 0);
  for (bool more = true; more;) {
    std::int64_t phases = 1;
    for (std::size_t a = 0; a < axes; ++a) phases *= parts_of[a][choice[a]].phases;
    NestBuilder b(op);
    b.dim("B", shapes.out[0]);
    const std::int64_t outputs = ceil_div(shapes.out[1], groups);
    if (outputs > model::kMaxExactInteger / phases)
      throw nest_error(op, "has more than 2^53 operations");
    b.dim("K", outputs * phases);
    b.dim("G", groups);
    const auto part = [&](std::size_t a) -> const Part& {
      const std::size_t axis = space[a].tensor - 2;
      return parts_of[axis][choice[axis]];
    };
    for (std::size_t a = 0; a < axes; ++a) b.dim(kOutput[a], part(a).positions);
    b.dim("C", ceil_div(shapes.in[1], groups));
    for (std::size_t a = 0; a < axes; ++a) b.dim(kKernel[a], part(a).taps);
    for (std::size_t a = 0; a < axes; ++a) {
      b.relation(kInput[a], kOutput[a], 1, kKernel[a], 1, 0, 0, shapes.in[space[a].tensor]);
    }
    Names out{"B", "G", "K"};
    Names weights{"G", "K", "C"};
    Names in{"B", "G", "C"};
    for (std::size_t a = axes; a-- > 0;) {
      out.emplace_back(kOutput[a]);
      weights.emplace_back(kKernel[a]);
      in.emplace_back(kInput[a]);
    }
    b.operand("O", out, bits.output);
    b.operand("W", weights, varies(op, 1) ? bits.activation : bits.weight);
    b.operand("I", in, bits.activation);
    b.source_of_input("I", 0);
    b.source_of_input("W", 1);
    layers.push_back(b.finish("conv", bits.final_output));
    layers.back().exact = false;
    more = false;
    for (std::size_t a = 0; a < axes && !more; ++a) {
      more = ++choice[a] < parts_of[a].size();
      if (!more) choice[a] = 0;
    }
  }
  for (std::size_t i = 0; layers.size() > 1 && i < layers.size(); ++i) {
    layers[i].suffix = "-phase" + std::to_string(i);
  }
  return layers;
}

std::vector<LoweredLayer> lower_pooling(const OperatorContext& op) {
  const std::string& type = op.source().op_type;
  const bool global = type.find("Global") != std::string::npos;
  const Shapes shapes = read_shapes(op);
  const std::size_t axes = shapes.in.size() - 2;
  if (!global && op.source().attribute("kernel_shape") == nullptr) {
    throw nest_error(op, "it has no kernel_shape");
  }
  const Sizes whole(shapes.in.begin() + 2, shapes.in.end());
  const Window window = read_window(op, whole, shapes.in, shapes.out);
  NestBuilder b(op);
  // The reference's nest of 2025 walks the channels a second time, in a loop that no operand uses.
  const bool modern = op.semantics == model::Semantics::v2025;
  const bool inflated = modern && op.quirks && axes == 2;
  const std::string channel = modern ? "K" : "G";
  b.dim("B", shapes.out[0]);
  b.dim(channel, shapes.out[1]);
  for (std::size_t a = 0; a < axes; ++a) b.dim(kOutput[a], shapes.out[a + 2]);
  if (inflated) b.dim("C", shapes.in[1]);
  for (std::size_t a = 0; a < axes; ++a) b.dim(kKernel[a], window.kernel[a]);
  for (std::size_t a = 0; a < axes; ++a) {
    b.relation(kInput[a], kOutput[a], window.stride[a], kKernel[a], window.dilation[a],
               window.pads[a], window.pads[a + axes], shapes.in[a + 2]);
  }
  Names out{"B", channel};
  Names weights;
  Names in{"B", channel};
  for (std::size_t a = axes; a-- > 0;) {
    out.emplace_back(kOutput[a]);
    weights.emplace_back(kKernel[a]);
    in.emplace_back(kInput[a]);
  }
  b.operand("O", out, 8);
  b.operand("W", weights, 0);
  b.operand("I", in, 8);
  b.source_of_input("I", 0);
  return {b.finish("pooling", 8)};
}

}  // namespace ridgeline::io
