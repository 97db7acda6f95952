#!/usr/bin/python3
"""Networks against what is written of them: a language model described by its sizes takes what the sum
over an export of all its layers takes, and every model of ONNX's own test suite is read or refused
with a reason.

Usage: check_networks.py PROJECT RIDGELINE [SUITE]
The second part is skipped where the suite is not installed (Debian's libonnx-testdata). Exits 77 (skip)
without Python's onnx.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import onnx
    from onnx import TensorProto, helper
except ImportError:
    print("skipped: no onnx")
    sys.exit(77)

project, ridgeline = pathlib.Path(sys.argv[1]), sys.argv[2]
CORE = project / "examples" / "accelerators" / "edge_tpu_like.yaml"
SUITE = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else "/usr/share/libonnx-testdata/data")
LAYERS, HIDDEN, HEADS, KV_HEADS, FFN, VOCABULARY = 3, 64, 8, 2, 96, 160
HEAD = HIDDEN // HEADS


def export(file, queries, keys, batch):
    """A decoder with all its layers: attention with shared keys and values, gated, with its head."""
    nodes, weights = [], []

    def weight(name, *sizes):
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=sizes,
                             data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="gone")
        weights.append(tensor)
        return name

    def add(operator, inputs, output, domain="", **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], name=output, domain=domain,
                                      **attributes))
        return output

    def product(data, name, inner, columns):
        return add("MatMul", [data, weight(name + ".w", inner, columns)], name)

    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, queries, HIDDEN])]
    data = "x"
    for n in range(LAYERS):
        at = f"l{n}."
        normed = add("SimplifiedLayerNormalization", [data, weight(at + "s1", HIDDEN)], at + "n1")
        parts = [product(normed, at + name, HIDDEN, columns * HEAD)
                 for name, columns in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS))]
        past = ["", ""]
        if keys > queries:
            past = [at + "pk", at + "pv"]
            inputs += [helper.make_tensor_value_info(
                p, TensorProto.FLOAT, [batch, KV_HEADS, keys - queries, HEAD]) for p in past]
        attended = add("GroupQueryAttention", parts + past, at + "a", "com.microsoft",
                       num_heads=HEADS, kv_num_heads=KV_HEADS)
        data = add("Add", [data, product(attended, at + "o", HEADS * HEAD, HIDDEN)], at + "r1")
        normed = add("SimplifiedLayerNormalization", [data, weight(at + "s2", HIDDEN)], at + "n2")
        gate = product(normed, at + "g", HIDDEN, FFN)
        up = product(normed, at + "u", HIDDEN, FFN)
        gated = add("Mul", [add("Sigmoid", [gate], at + "sg"), up], at + "m")
        data = add("Add", [data, product(gated, at + "d", FFN, HIDDEN)], at + "r2")
    product(add("SimplifiedLayerNormalization", [data, weight("s", HIDDEN)], "n"), "head", HIDDEN,
            VOCABULARY)
    graph = helper.make_graph(nodes, "decoder", inputs,
                              [helper.make_tensor_value_info("head", TensorProto.FLOAT, None)],
                              weights)
    onnx.save(helper.make_model(graph, opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]), file)


def totals(workload):
    done = subprocess.run([ridgeline, "evaluate", "-w", str(workload), "-a", str(CORE), "--objective",
                           "energy", "--format", "json", "--quiet"], capture_output=True, text=True,
                          check=True)
    result = json.loads(done.stdout)
    macs = sum(layer["macs"] for layer in result["layers"])  # of all runs of a layer
    return macs, result["total"]["energy"], result["total"]["latency"]


wrong = []
with tempfile.TemporaryDirectory() as folder:
    for phase, queries, keys, batch in (("prefill", 16, 16, 1), ("decode", 1, 40, 2)):
        sizes = pathlib.Path(folder) / "sizes.yaml"
        sizes.write_text(
            f"model: {{kind: decoder, layers: {LAYERS}, hidden: {HIDDEN}, heads: {HEADS}, "
            f"kv_heads: {KV_HEADS}, ffn: {FFN}, vocabulary: {VOCABULARY}}}\nphase: {phase}\n"
            f"context: {keys}\nbatch: {batch}\n", encoding="utf-8")
        whole = pathlib.Path(folder) / "whole.onnx"
        export(whole, queries, keys, batch)
        described, exported = totals(sizes), totals(whole)
        if described[0] != exported[0]:
            wrong.append(f"{phase}: {described[0]} multiply-accumulates, exported {exported[0]}")
        for what, a, b in zip(("energy", "latency"), described[1:], exported[1:]):
            if abs(a - b) > 1e-9 * b:
                wrong.append(f"{phase}: {what} {a}, of the exported layers {b}")

read = 0
models = sorted(SUITE.rglob("*.onnx")) if SUITE.is_dir() else []
for begin in range(0, len(models), 50):
    some = models[begin:begin + 50]
    done = subprocess.run([ridgeline, "check", "--format", "json", *map(str, some)],
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        wrong.append(f"check ends with {done.returncode} among {some[0]} and 49 more")
        continue
    for entry in json.loads(done.stdout):
        read += "found" in entry
        if "found" not in entry and not entry.get("problem", entry.get("error", "")):
            wrong.append(f"{entry['file']}: neither read nor refused with a reason")

if wrong:
    sys.exit("\n".join(wrong))
print(f"a decoder by its sizes is its layers; {read} of {len(models)} models of the suite are read")
