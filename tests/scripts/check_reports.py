#!/usr/bin/python3
"""What users reported once, as its README says it should be.

Usage: check_reports.py PROJECT RIDGELINE REPORTS

Ends with 77 where the reports are not here.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

PROJECT, PROGRAM, REPORTS = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
if not REPORTS.is_dir():
    sys.exit(77)
SYSTEM = PROJECT / "examples/labs/multicore/system.yaml"
FUSED = PROJECT / "examples/labs/multicore/fused.yaml"
TPU = PROJECT / "examples/accelerators/tpu_like.yaml"
wrong, runs = [], 0


def run(case, *arguments, code=0, has=(), lacks=(), folder=None):
    """Runs the program in the folder of a case, and returns all that it says."""
    global runs
    runs += 1
    folder = folder or next(REPORTS.glob(f"{case}-*"), None)
    if folder is None:
        wrong.append(f"{case}: there is no such case")
        return ""
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=folder, check=False,
                          capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    trouble = [f"code {done.returncode}, not {code}"] if done.returncode != code else []
    trouble += [f"without {text!r}" for text in has if text not in said]
    trouble += [f"with {text!r}" for text in lacks if text in said]
    if trouble:
        wrong.append(f"{case}: {' '.join(map(str, arguments))}: {', '.join(trouble)}\n{said[:600]}")
    return done.stdout


def figures(case, *arguments):
    said = run(case, "evaluate", *arguments, "--format", "json", "--threads", "1", "--quiet")
    try:
        return json.loads(said)
    except json.JSONDecodeError:
        return {"total": {"latency": None, "energy": None}, "layers": [{}]}


def expect(case, what, got, wanted):
    if got != wanted:
        wrong.append(f"{case}: {what}: {got}, not {wanted}")


# 01: a model without a product crashed, and the others with it.
for model in ("none", "quantised", "function"):
    text = run("01", "schedule", "-w", f"{model}.onnx", "-a", SYSTEM, "-m", FUSED, has=["latency"],
               lacks=["latency 0 cycles"])

# 02: loops are the layer's, or there are no figures.
run("02", "evaluate", "--engine", "loma", "-w", "gemm.yaml", "-a", "acc.yaml", "-m", "order14.yaml",
    code=4, has=["7 times its iterations", "g is infeasible"])
for engine in ("exact", "loma"):
    star = figures("02", "--engine", engine, "-w", "gemm.yaml", "-a", "acc.yaml", "-m", "star.yaml")
    expect("02", "latency", round(star["total"]["latency"], 2), 117 if engine == "exact" else 117.67)
exact = figures("02", "-w", "gemm.yaml", "-a", "acc.yaml", "-m", "order14.yaml")
expect("02", "latency", exact["total"]["latency"], 117)
expect("02", "energy", round(exact["total"]["energy"], 1), 67654.4)
expect("02", "ideal", exact["layers"][0].get("latency", {}).get("ideal_temporal"), 56)
run("02", "evaluate", "--engine", "loma", "-w", "conv16.yaml", "-a", TPU, "-m", "tpu14.yaml", code=4)
expect("02", "star", figures("02", "--engine", "loma", "-w", "conv16.yaml", "-a", TPU, "-m",
                             "tpustar.yaml")["total"]["latency"], 3544)

# 03: an order of some loops has mappings, and the search for them ends soon.
full = figures("03", "-w", "conv.yaml", "-a", "acc.yaml", "-m", "full.yaml")["total"]["latency"]
for layers, order in (("conv", "first6"), ("conv14", "first7")):
    found = figures("03", "-w", f"{layers}.yaml", "-a", "acc.yaml", "-m", f"{order}.yaml")
    search = found["layers"][0].get("search", {})
    expect("03", f"{order} proven", search.get("optimal"), True)
    expect("03", f"{order} within 2 s", search.get("seconds", 9) < 2, True)
    if order == "first6":
        expect("03", "no worse than a mapping that satisfies it", found["total"]["latency"] <= full, True)
run("03", "evaluate", "-w", "conv14.yaml", "-a", "acc.yaml", "-m", "first7.yaml", "--search-seconds", "2",
    lacks=["infeasible"])

# 04: the loop that is wrong is named, and nothing is costed.
for mapping, text in (("missing_fx", "leaves out FX (3)"), ("ox_28", "OX 28 is more than the 14 iterations of OX"),
                      ("typo", "OXX is no loop of this layer")):
    run("04", "evaluate", "--engine", "loma", "-w", "conv.yaml", "-a", "acc.yaml", "-m", f"{mapping}.yaml",
        code=4, has=[text], lacks=["loops of OY"])
expect("04", "full order", figures("04", "--engine", "loma", "-w", "conv.yaml", "-a", "acc.yaml", "-m",
                                   "full.yaml")["total"]["latency"], 14971)

# 05: 10^16 is endless.
run("05", "check", "acc.yaml", has=["ok, accelerator"])
endless = figures("05", "-w", "gemm.yaml", "-a", "acc.yaml", "-m", "map.yaml")["total"]
with tempfile.TemporaryDirectory() as name:
    source = next(REPORTS.glob("05-*"))
    text = (source / "acc.yaml").read_text().replace("10000000000000000", "9000000000000000")
    (pathlib.Path(name) / "acc.yaml").write_text(text)
    expect("05", "figures of 9 * 10^15", figures("05", "-w", "gemm.yaml", "-a", f"{name}/acc.yaml", "-m",
                                                 "map.yaml")["total"], endless)

# 06, 08, 09, 18, 20: products are counted, whatever feeds them.
run("06", "check", "stripped.onnx", has=["18432 multiply-accumulates"])
for model in ("view", "inferred"):
    run("08", "check", "--dim", "N=2", f"{model}.onnx", has=["47104 multiply-accumulates"])
    run("08", "check", "--dim", "N=1", f"{model}.onnx", has=["23552 multiply-accumulates"])
run("09", "check", "qdq.onnx", "constants.onnx",
    has=["73728 multiply-accumulates", "18432 multiply-accumulates"])
for model, products in (("qlinearmatmul", 4096), ("matmulinteger", 4096), ("convinteger", 73728),
                        ("fusedconv", 18432), ("matmulnbits", 2048), ("local_function", 2048)):
    run("18", "check", f"{model}.onnx", has=[f"{products} multiply-accumulates"])
run("20", "check", "conv.onnx", has=["73728 multiply-accumulates"])

# 07: a mapping of Stream 1.13 is one, and a list of another tool is no result.
run("07", "check", "mapping.yaml", has=["multi-core mapping"], lacks=["result of Ridgeline"])
run("07", "check", "list.yaml", code=3, has=["none of its keys says"], lacks=["result of Ridgeline"])

# 10: what is missing is said, or there is a layer for it.
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for file in next(REPORTS.glob("10-*")).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "examples").symlink_to(PROJECT / "examples")
    text = run("10", "check", "--verbose", "up.onnx", folder=folder)
    run("10", "explore", "study.yaml", "-o", "s.h5", "--threads", "1", folder=folder)
    report = run("10", "report", "s.h5", folder=folder)
    counted = run("10", "check", "up.onnx", folder=folder)
    if "2 layers" not in counted and "ConvTranspose" not in text + report:
        wrong.append(f"10: neither a layer nor a line for ConvTranspose: {counted}")

# 12: ports without bandwidths of their own, and what they are converted to.
run("12", "check", "old.yaml", "new.yaml", has=["old.yaml: ok, accelerator", "new.yaml: ok, accelerator"])
layer = [{"id": 0, "name": "g", "operator_type": "Gemm", "equation": "O[b][k]+=W[c][k]*I[b][c]",
          "loop_dims": ["B", "K", "C"], "loop_sizes": [8, 24, 56], "operand_source": {"I": 0, "W": 0},
          "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8}}]
old, new = (figures("12", "-w", json.dumps(layer), "-a", f"{name}.yaml")["total"] for name in ("old", "new"))
expect("12", "figures of the twins", old, new)
expect("12", "feasible", old["latency"] is not None and old["latency"] > 0, True)

# 13: axes of size 1 that come and go between two layers.
for model in ("squeeze", "unsqueeze"):
    for mode in ("fused", "layer-by-layer"):
        run("13", "schedule", "-w", f"{model}.onnx", "-a", SYSTEM, "-m", FUSED, "--mode", mode, has=["latency"])

# 14: names that mean nothing, and factors that were cut or left out.
names = ["'KK'", "did you mean 'K'?", "'OXX'", "did you mean 'OX'?"]
run("14", "evaluate", "-w", "conv.yaml", "-a", TPU, "-m", "typo.yaml", has=names)
run("14", "check", "typo.yaml", has=names)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for file in next(REPORTS.glob("02-*")).glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "examples").symlink_to(PROJECT / "examples")
    run("14", "explore", "study.yaml", "-o", "s.h5", "--threads", "1", folder=folder,
        has=["order=typo", "'OXX'", "did you mean 'OX'?"])
for unrolls, text in (('["K, 64"]', "more than the 32 units of D1"), ('["K, 4", "OX, 14"]', "is left out in")):
    run("14", "evaluate", "-w", "conv.yaml", "-a", TPU, "-m",
        '[{"name": "default", "spatial_mapping": {"D1": %s}}]' % unrolls, has=[text])

# 15: files of others are told what to become.
run("15", "evaluate", "-w", "model.tflite", "-a", TPU, code=3, has=[".onnx", "convert"])
run("15", "check", "old_mapping.py", code=3, has=["ZigZag 3", "scripts/convert_inputs"])
run("15", "check", "tabs.yaml", code=3, has=["a tab in the indentation"])

# 19: small messages.
run("19", "check", "sizes.yaml", code=3, has=["loop_dims names 3 loops, loop_sizes gives 2"])
run("19", "check", "zero.onnx", code=3, has=["dimension 0 of tensor 'x' is 0"])
run("19", "check", "dynamic.onnx", code=3, has=["--dim H=N", "N, W"])
run("19", "check", "fixed.yaml", has=["multi-core mapping"])
run("19", "check", "old_system.yaml", code=3, lacks=["unknown key 'offchip_core'"])

print("\n".join(wrong) or f"{runs} runs, all as they should be")
sys.exit(bool(wrong))
