#!/usr/bin/python3
"""Writes the example networks of examples/workloads/ as ONNX files.

    scripts/generate_models.py                  all of them, into examples/workloads/
    scripts/generate_models.py --output DIR     somewhere else
    scripts/generate_models.py resnet18 ...     only these
    scripts/generate_models.py --check          writes nothing, fails where a file differs

The files hold the graphs with the shape of every tensor, and no weights: these are declared as
stored in a file of their own, which is never needed to predict costs. The same call always writes
the same bytes.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
FLOAT = TensorProto.FLOAT


class Network:
    """A graph under construction: each method appends a node and returns its output's name."""

    def __init__(self, name, input_name, shape):
        self.name = name
        self.nodes = []
        self.initializers = []
        self.inputs = [helper.make_tensor_value_info(input_name, FLOAT, shape)]

    def node(self, op_type, name, inputs, **attributes):
        output = f"{name}_out"
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name, shape):
        """A tensor whose data would be in a file of its own."""
        tensor = TensorProto(name=name, dims=shape, data_type=FLOAT,
                             data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value=f"{self.name}.weights")
        self.initializers.append(tensor)
        return name

    def constant(self, name, values):
        """A small tensor that is part of the graph: shapes, bounds, factors."""
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def conv(self, name, x, channels_in, channels_out, kernel, stride=1, pad=0, group=1):
        weights = [self.weight(f"{name}.weight", [channels_out, channels_in // group, kernel, kernel]),
                   self.weight(f"{name}.bias", [channels_out])]
        return self.node("Conv", name, [x] + weights, kernel_shape=[kernel] * 2,
                         strides=[stride] * 2, pads=[pad] * 4, dilations=[1, 1], group=group)

    def relu(self, name, x):
        return self.node("Relu", name, [x])

    def max_pool(self, name, x, kernel, stride, pads):
        return self.node("MaxPool", name, [x], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=pads)

    def linear(self, name, x, inputs, outputs):
        weights = [self.weight(f"{name}.weight", [outputs, inputs]),
                   self.weight(f"{name}.bias", [outputs])]
        return self.node("Gemm", name, [x] + weights, transB=1)

    def dense(self, name, x, inputs, outputs):
        """x * weight + bias along the last axis, as networks of tokens have it."""
        product = self.node("MatMul", name, [x, self.weight(f"{name}.weight", [inputs, outputs])])
        return self.node("Add", f"{name}.add_bias",
                         [product, self.weight(f"{name}.bias", [outputs])])

    def layer_norm(self, name, x, size):
        return self.node("LayerNormalization", name,
                         [x, self.weight(f"{name}.weight", [size]),
                          self.weight(f"{name}.bias", [size])], axis=-1, epsilon=1e-5)

    def reshape(self, name, x, shape):
        return self.node("Reshape", name,
                         [x, self.constant(f"{name}.shape", np.array(shape, np.int64))])

    def gelu(self, name, x):
        """x / 2 * (1 + erf(x / sqrt 2)): operator set 17 has no Gelu of its own."""
        scaled = self.node("Div", f"{name}.scale",
                           [x, self.constant(f"{name}.sqrt2", np.float32(2.0 ** 0.5))])
        erf = self.node("Erf", f"{name}.erf", [scaled])
        shifted = self.node("Add", f"{name}.shift",
                            [erf, self.constant(f"{name}.one", np.float32(1))])
        gated = self.node("Mul", f"{name}.gate", [x, shifted])
        return self.node("Mul", f"{name}.half",
                         [gated, self.constant(f"{name}.one_half", np.float32(0.5))])

    def model(self, output, shape):
        graph = helper.make_graph(self.nodes, self.name, self.inputs,
                                  [helper.make_tensor_value_info(output, FLOAT, shape)],
                                  initializer=self.initializers)
        model = helper.make_model(graph, producer_name="ridgeline",
                                  opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)


def resnet18():
    net = Network("resnet18", "image", [1, 3, 224, 224])
    x = net.relu("relu1", net.conv("conv1", "image", 3, 64, 7, stride=2, pad=3))
    x = net.max_pool("maxpool", x, 3, 2, [1] * 4)
    channels = 64
    for stage, width in enumerate([64, 128, 256, 512], start=1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = net.conv(f"{name}.conv1", x, channels, width, 3, stride, 1)
            y = net.relu(f"{name}.relu1", y)
            y = net.conv(f"{name}.conv2", y, width, width, 3, 1, 1)
            if stride != 1 or channels != width:
                x = net.conv(f"{name}.downsample", x, channels, width, 1, stride)
            x = net.relu(f"{name}.relu2", net.node("Add", f"{name}.add", [y, x]))
            channels = width
    x = net.node("GlobalAveragePool", "avgpool", [x])
    x = net.node("Flatten", "flatten", [x], axis=1)
    return net.model(net.linear("fc", x, 512, 1000), [1, 1000])


def mobilenetv2():
    net = Network("mobilenetv2", "image", [1, 3, 224, 224])
    bounds = [net.constant("relu6.min", np.float32(0)), net.constant("relu6.max", np.float32(6))]

    def conv6(name, x, *sizes, **window):
        return net.node("Clip", f"{name}.relu6", [net.conv(name, x, *sizes, **window)] + bounds)

    x = conv6("stem", "image", 3, 32, 3, stride=2, pad=1)
    channels = 32
    number = 0
    # expansion, channels, blocks, stride of the first block
    for expansion, width, blocks, first_stride in [
            (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
            (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
        for block in range(blocks):
            name = f"block{number}"
            number += 1
            stride = first_stride if block == 0 else 1
            hidden = channels * expansion
            y = x
            if expansion != 1:
                y = conv6(f"{name}.expand", y, channels, hidden, 1)
            y = conv6(f"{name}.depthwise", y, hidden, hidden, 3, stride=stride, pad=1, group=hidden)
            y = net.conv(f"{name}.project", y, hidden, width, 1)
            x = net.node("Add", f"{name}.add", [x, y]) if stride == 1 and channels == width else y
            channels = width
    x = conv6("head", x, channels, 1280, 1)
    x = net.node("GlobalAveragePool", "avgpool", [x])
    x = net.node("Flatten", "flatten", [x], axis=1)
    return net.model(net.linear("classifier", x, 1280, 1000), [1, 1000])


def alexnet():
    """As published in 2012: two groups where the network was split over two GPUs."""
    net = Network("alexnet", "image", [1, 3, 224, 224])

    def norm(name, x):
        return net.node("LRN", name, [x], size=5, alpha=1e-4, beta=0.75, bias=1.0)

    x = net.relu("relu1", net.conv("conv1", "image", 3, 96, 11, stride=4))
    x = net.max_pool("pool1", norm("norm1", x), 3, 2, [0] * 4)
    x = net.relu("relu2", net.conv("conv2", x, 96, 256, 5, pad=2, group=2))
    x = net.max_pool("pool2", norm("norm2", x), 3, 2, [0] * 4)
    x = net.relu("relu3", net.conv("conv3", x, 256, 384, 3, pad=1))
    x = net.relu("relu4", net.conv("conv4", x, 384, 384, 3, pad=1, group=2))
    x = net.relu("relu5", net.conv("conv5", x, 384, 256, 3, pad=1, group=2))
    x = net.max_pool("pool5", x, 3, 2, [0, 0, 1, 1])
    x = net.reshape("flatten", x, [1, 9216])
    x = net.node("Dropout", "dropout6", [net.relu("relu6", net.linear("fc6", x, 9216, 4096))])
    x = net.node("Dropout", "dropout7", [net.relu("relu7", net.linear("fc7", x, 4096, 4096))])
    x = net.linear("fc8", x, 4096, 1000)
    return net.model(net.node("Softmax", "softmax", [x], axis=1), [1, 1000])


def attention(net, x, tokens, width, heads):
    """Self-attention with its output projection; x is [1, tokens, width]."""
    depth = width // heads

    def split_heads(name, order):
        y = net.dense(f"attention.{name}", x, width, width)
        y = net.reshape(f"attention.{name}.heads", y, [1, tokens, heads, depth])
        return net.node("Transpose", f"attention.{name}.transpose", [y], perm=order)

    query = split_heads("query", [0, 2, 1, 3])
    key = split_heads("key", [0, 2, 3, 1])
    value = split_heads("value", [0, 2, 1, 3])
    scores = net.node("MatMul", "attention.scores", [query, key])
    scores = net.node("Div", "attention.scale",
                      [scores, net.constant("attention.sqrt_depth", np.float32(depth ** 0.5))])
    weights = net.node("Softmax", "attention.softmax", [scores], axis=-1)
    y = net.node("MatMul", "attention.context", [weights, value])
    y = net.node("Transpose", "attention.context.transpose", [y], perm=[0, 2, 1, 3])
    y = net.reshape("attention.context.merge", y, [1, tokens, width])
    return net.dense("attention.output", y, width, width)


def feed_forward(net, x, width, hidden):
    y = net.gelu("feed_forward.gelu", net.dense("feed_forward.expand", x, width, hidden))
    return net.dense("feed_forward.contract", y, hidden, width)


def transformer_block():
    """A small one, normalised before attention and feed-forward: 64 tokens of 128, 4 heads."""
    tokens, width, heads, hidden = 64, 128, 4, 512
    net = Network("transformer_block", "tokens", [1, tokens, width])
    y = attention(net, net.layer_norm("norm1", "tokens", width), tokens, width, heads)
    x = net.node("Add", "attention.residual", ["tokens", y])
    y = feed_forward(net, net.layer_norm("norm2", x, width), width, hidden)
    return net.model(net.node("Add", "feed_forward.residual", [x, y]), [1, tokens, width])


def bert_base_block():
    """One encoder block of BERT-base for 128 tokens, normalised after each half."""
    tokens, width, heads, hidden = 128, 768, 12, 3072
    net = Network("bert_base_block", "tokens", [1, tokens, width])
    y = attention(net, "tokens", tokens, width, heads)
    x = net.layer_norm("norm1", net.node("Add", "attention.residual", ["tokens", y]), width)
    y = feed_forward(net, x, width, hidden)
    y = net.node("Add", "feed_forward.residual", [x, y])
    return net.model(net.layer_norm("norm2", y, width), [1, tokens, width])


NETWORKS = {function.__name__: function for function in
            [resnet18, mobilenetv2, alexnet, transformer_block, bert_base_block]}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK",
                        help="one of: " + ", ".join(NETWORKS) + " (default: all)")
    parser.add_argument("--output", type=pathlib.Path, default=root / "examples" / "workloads",
                        help="folder for the files (default: %(default)s)")
    parser.add_argument("--check", action="store_true",
                        help="write nothing; fail where a file is missing or differs")
    arguments = parser.parse_args()
    for name in arguments.networks:
        if name not in NETWORKS:
            parser.error(f"no network '{name}'; there are: {', '.join(NETWORKS)}")
    stale = []
    for name in arguments.networks or NETWORKS:
        path = arguments.output / f"{name}.onnx"
        content = NETWORKS[name]().SerializeToString(deterministic=True)
        if arguments.check:
            if not path.is_file() or path.read_bytes() != content:
                stale.append(str(path))
            continue
        arguments.output.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"{path}: {len(content)} bytes", file=sys.stderr)
    if stale:
        sys.exit("generate_models.py: not as generated: " + ", ".join(stale))


if __name__ == "__main__":
    main()
