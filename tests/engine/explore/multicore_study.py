#!/usr/bin/python3
"""A study of multi-core systems finds what `ridgeline schedule` finds for each of its designs.

Usage: multicore_study.py RIDGELINE
"""
import itertools
import json
import subprocess
import sys

import h5py
from study_harness import EXAMPLES, Bench, columns, differences

STUDY = """
name: cores
workloads: [{lab}/four_convs.yaml]
accelerator: {lab}/system.yaml
mapping: {lab}/fused.yaml
parameters:
  - {{name: rows, path: /cores/0/operational_array/sizes/0, values: [8, 32]}}
  - {{name: buffer, path: /cores/1/memories/sram_io/size, values: [8192, 524288]}}
  - {{name: bandwidth, path: /core_connectivity/0/bandwidth, values: [16, 128]}}
schedule_search:
  modes: [layer-by-layer, fused]
  granularity: {{OY: [1, all]}}
  population: 8
  generations: 5
  objective: {objective}
objectives: [latency, energy, area, utilization, peak_memory]
constraints: [{{metric: latency, max: 28000}}]
"""
# Every memory holds it, so that a core can be asked for its area.
ONE_PRODUCT = """
- id: 0
  name: product
  operator_type: Gemm
  equation: O[m][n]+=I[m][k]*W[k][n]
  loop_dims: [M, N, K]
  loop_sizes: [1, 1, 1]
  operand_precision: {O: 8, O_final: 8, I: 8, W: 8}
  operand_source: {I: 0, W: 0}
"""
# Multiplications of the four convolutions, by their loop sizes.
MACS = 56 * 56 * 9 * 8 * (3 + 8 + 8 + 8)


def text(dataset):
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else value


def schedules(bench, accelerator, mapping):
    """The best schedule of each mode, as `ridgeline schedule` finds it."""
    for name, content in (("a.json", accelerator), ("m.json", mapping)):
        bench.path(name).write_text(json.dumps(content))
    for mode in ("layer-by-layer", "fused"):
        command = [bench.program, "schedule", "-w", EXAMPLES / "labs/multicore/four_convs.yaml", "-a", "a.json",
                   "-m", "m.json", "--mode", mode, "--objective", OBJECTIVE, "--population", "8",
                   "--generations", "5", "--format", "json", "--quiet"]
        if mode == "fused":
            command += ["--granularity", "OY=1,all"]
        done = subprocess.run(command, cwd=bench.folder, capture_output=True, text=True, check=True)
        yield json.loads(done.stdout)


def area(bench, system):
    """The areas of a resolved system's cores, as `ridgeline evaluate` adds them; off-chip memory has none here."""
    bench.path("product.yaml").write_text(ONE_PRODUCT)
    total = 0
    for core in system["cores"].values():
        if core.pop("type") != "compute":
            continue
        bench.path("core.json").write_text(json.dumps(core))
        done = subprocess.run([bench.program, "evaluate", "-w", "product.yaml", "-a", "core.json", "--format", "json",
                               "--quiet"], cwd=bench.folder, capture_output=True, text=True, check=True)
        total += json.loads(done.stdout)["total"]["area"]
    return total


for OBJECTIVE in ("latency", "edp"):
    with Bench(sys.argv[1]) as bench:
        bench.study.write_text(STUDY.format(lab=EXAMPLES / "labs/multicore", objective=OBJECTIVE))
        code, said = bench.run("alone.h5", "--no-prune", synthetic=None)
        assert code == 0, said
        everything = columns(bench.path("alone.h5"))
        for ranks, threads in itertools.product((0, 2, 3), (1, 2)):
            code, said = bench.run("other.h5", "--force", ranks=ranks, threads=threads, synthetic=None)
            assert code == 0, said
            front = {name for name in differences(everything, columns(bench.path("other.h5")))
                     if not name.startswith("/candidates")}
            assert not front, front
        code, said = bench.run("all.h5", "--no-prune", ranks=3, threads=2, synthetic=None)
        assert code == 0 and not differences(everything, columns(bench.path("all.h5"))), said
        with h5py.File(bench.path("alone.h5")) as file:
            ids = list(file["candidates/id"][()])
            assert ids == list(range(8)), ids
            assert 1 in file["candidates/status"][()], "no design is too slow"
            assert len(file["designs"]) > 1
            for name, design in file["designs"].items():
                kept = json.loads(text(design["schedule"]))[0]
                found = list(schedules(bench, json.loads(text(design["accelerator"])),
                                       json.loads(text(design["mapping"]))))
                best = min(found, key=lambda s: s["latency"] * (1 if OBJECTIVE == "latency" else
                                                                s["energy"]["total"]))
                figures = {o: float(file[f"candidates/objectives/{o}"][ids.index(int(name))])
                           for o in file["candidates/objectives"]}
                assert figures["latency"] == best["latency"], (name, figures, best["latency"])
                assert figures["energy"] == best["energy"]["total"], (name, figures, best["energy"])
                rows = (8, 32)[int(name) // 4]
                units = rows * 32 + 32 * 32 + 64 * 4 * 4
                areas = area(bench, json.loads(text(design["accelerator"])))
                assert abs(figures["area"] - areas) < 1e-9 * areas, (name, figures, areas)
                assert abs(figures["utilization"] - MACS / units / best["latency"]) < 1e-12
                assert figures["peak_memory"] == sum(m["peak"] for m in best["memory"] if m["core"] != 3)
                for key in ("mode", "allocation", "nodes", "transfers", "memory"):
                    assert kept[key] == best[key], (name, key)
            print(f"{OBJECTIVE}: {len(file['designs'])} designs of the front are as `schedule` finds them")
