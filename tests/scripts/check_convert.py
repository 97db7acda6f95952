#!/usr/bin/python3
"""Inputs of 2023 in Python become documents that the program reads, and that say the same.

Usage: check_convert.py PROJECT RIDGELINE
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import yaml

script = pathlib.Path(sys.argv[1]) / "scripts" / "convert_inputs"
ridgeline = sys.argv[2]

MAPPING = """
mapping = {"default": {"core_allocation": 1, "spatial_mapping": {"D1": ("K", 8), "D2": (("C", 2), ("OX", 2))},
                       "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"}}}
"""
WORKLOAD = """
workload = {
    0: {"operator_type": "Conv", "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
        "dimension_relations": ["ix=1*ox+1*fx", "iy=1*oy+1*fy"],
        "loop_dim_size": {"B": 1, "K": 8, "C": 4, "OY": 6, "OX": 6, "FY": 3, "FX": 3},
        "operand_precision": {"O": 16, "O_final": 8, "W": 8, "I": 8},
        "operand_source": {"W": [], "I": []}, "constant_operands": ["I", "W"]},
    1: {"operator_type": "Add", "equation": "O[b][g][oy][ox]=X[b][g][oy][ox]+Y[b][g][oy][ox]",
        "loop_dim_size": {"B": 1, "G": 8, "OY": 6, "OX": 6},
        "operand_precision": {"O": 16, "O_final": 8, "X": 8, "Y": 8},
        "operand_source": {"X": [0], "Y": [0]}, "constant_operands": []},
}
"""
ACCELERATOR = """
from zigzag.classes.hardware.architecture.memory_hierarchy import MemoryHierarchy
from zigzag.classes.hardware.architecture.memory_instance import MemoryInstance
from zigzag.classes.hardware.architecture.operational_unit import Multiplier
from zigzag.classes.hardware.architecture.operational_array import MultiplierArray
from zigzag.classes.hardware.architecture.core import Core
from zigzag.classes.hardware.architecture.accelerator import Accelerator

array = MultiplierArray(Multiplier([8, 8], 0.5, 1), {"D1": 8, "D2": 4})
graph = MemoryHierarchy(operational_array=array)
graph.add_memory(memory_instance=MemoryInstance(name="reg", size=64, r_bw=8, w_bw=8, r_cost=0.1,
                                                w_cost=0.1, area=0), operands=("I2",),
                 port_alloc=({"fh": "w_port_1", "tl": "r_port_1", "fl": None, "th": None},),
                 served_dimensions={(0, 0)})
graph.add_memory(memory_instance=MemoryInstance(name="dram", size=10**10, r_bw=64, w_bw=64, r_cost=10,
                                                w_cost=10, area=0, r_port=0, w_port=0, rw_port=1),
                 operands=("I1", "I2", "O"),
                 port_alloc=({"fh": "rw_port_1", "tl": "rw_port_1"}, {"fh": "rw_port_1", "tl": "rw_port_1"},
                             {"fh": "rw_port_1", "tl": "rw_port_1", "fl": "rw_port_1", "th": "rw_port_1"}),
                 served_dimensions="all")
accelerator = Accelerator("old", {Core(1, array, graph)})
"""

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for stem, text in (("map", MAPPING), ("net", WORKLOAD), ("chip", ACCELERATOR)):
        (folder / f"{stem}.py").write_text(text, encoding="utf-8")
        subprocess.run([script, folder / f"{stem}.py"], check=True, capture_output=True)
    mapping = yaml.safe_load((folder / "map.mapping.yaml").read_text(encoding="utf-8"))
    assert mapping[0]["spatial_mapping"] == {"D1": ["K, 8"], "D2": ["C, 2", "OX, 2"]}, mapping
    net, chip = folder / "net.workload.yaml", folder / "chip.accelerator.yaml"
    layers = yaml.safe_load(net.read_text(encoding="utf-8"))
    assert layers[1]["operand_source"] == {"W": 0, "I": 0}, layers[1]
    memories = yaml.safe_load(chip.read_text(encoding="utf-8"))["memories"]
    assert memories["reg"]["served_dimensions"] == [], memories
    assert memories["dram"]["served_dimensions"] == ["D1", "D2"], memories
    run = subprocess.run([ridgeline, "evaluate", "-w", net, "-a", chip, "-m",
                          folder / "map.mapping.yaml", "--format", "json", "--quiet"], check=True,
                         capture_output=True, text=True)
    macs = [layer["macs"] for layer in json.loads(run.stdout)["layers"]]
    assert macs == [8 * 4 * 6 * 6 * 3 * 3, 8 * 6 * 6], macs
    (folder / "nothing.py").write_text("x = 1\n", encoding="utf-8")
    empty = subprocess.run([script, folder / "nothing.py"], check=False, capture_output=True,
                           text=True)
    assert empty.returncode != 0 and "no `mapping`" in empty.stderr, empty
print("mapping, workload and accelerator of 2023 read and evaluated")
