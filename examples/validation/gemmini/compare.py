#!/usr/bin/python3
"""Cycles of Gemmini's RTL against ours, for mappings that were measured.

Usage: compare.py ROWS.csv... [--fit] [--layers] [--rows] [--program RIDGELINE]

ROWS.csv is a data set of the DOSA artifact (README.md): one row is a layer under a given mapping, with the cycles of
the RTL. Every row is evaluated under --no-quirks on accelerator.yaml; nothing is searched. Layers whose SHA-256
digest begins below 0x31 are those that parameters were calibrated on (a quarter of those of searched.csv); figures of these
and of all others are told apart. --fit looks for the calibrated parameters again, one after the other, and prints what it finds.
"""
import argparse
import collections
import copy
import csv
import hashlib
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
DIMS = {"N": "B", "C": "C", "K": "K", "P": "OX", "Q": "OY", "R": "FX", "S": "FY"}
RELEVANT = {"W": {"K", "C", "FX", "FY"}, "I": {"B", "C", "OX", "OY", "FX", "FY"}}
# Where calibrated parameters lie in accelerator.yaml, and what --fit tries.
PARAMETERS = {
    "cycles of an instruction": (("scratchpad", "ports", 0, "requests", "cycles"), range(4, 13)),
    "cycles of a store": (("accumulator", "ports", 3, "requests", "cycles"), range(4, 41)),
}


class Row:
    """One measured row: sizes of the layer, the tile that is on chip, the loops over tiles, cycles."""

    def __init__(self, record, name):
        self.name = name
        self.sizes = {ours: int(record[f"prob.{theirs}"]) for theirs, ours in DIMS.items()}
        self.stride = int(record["prob.Wstride"])
        self.measured = float(record["target.gemmini_cycle"])
        self.mesh = int(record["arch.meshX"])
        columns = int(record["arch.mem1_instances"])
        # Sizes that the rows give are what one tile may take; the machine has twice that, for the next one.
        self.accumulator = 2 * 32 * int(record["arch.mem1_entries"]) * columns
        self.scratchpad = 2 * 8 * int(record["arch.mem2_entries"])
        self.tile = dict.fromkeys(self.sizes, 1)
        self.units = dict.fromkeys(self.sizes, 1)
        self.outer = []  # outermost first
        for number, part in enumerate(record["mapping.mapping"].split(" - ")):
            for loop in part.split()[1:]:
                found = re.fullmatch(r"([A-Z])(\d+)(X?)", loop)
                if not found:
                    raise ValueError(f"'{loop}' is no loop of a mapping")
                dim, size = DIMS[found[1]], int(found[2])
                if number == 0:
                    self.outer.append((dim, size))
                else:
                    self.tile[dim] *= size
                    if found[3]:
                        self.units[dim] *= size
        self.outer = [(dim, size) for dim, size in self.outer if size > 1]
        self.timeloop = float(record["target.cycle"])

    @property
    def layer(self):
        return tuple(self.sizes.values()) + (self.stride,)

    @property
    def calibrates(self):
        text = " ".join(map(str, self.layer))
        return hashlib.sha256(text.encode()).digest()[0] < 0x31

    def bytes(self, extent):
        """Of the tiles of inputs and weights."""
        columns = (extent["OX"] - 1) * self.stride + extent["FX"]
        rows = (extent["OY"] - 1) * self.stride + extent["FY"]
        return {"I": extent["B"] * extent["C"] * rows * columns,
                "W": extent["C"] * extent["K"] * extent["FX"] * extent["FY"]}

    def cached(self, capacity):
        """How many of the loops over tiles, from the innermost, the cache keeps the operands of, and what it keeps
        then: the fewest that leave least to DRAM."""
        over = list(reversed(self.outer))
        extent = dict(self.tile)
        best = None
        for count in range(len(over) + 1):
            if count > 0:
                extent[over[count - 1][0]] *= over[count - 1][1]
            sizes = self.bytes(extent)
            if count > 0 and sum(sizes.values()) > capacity:
                break
            traffic = 0
            for operand, size in sizes.items():
                rest = over[count:]
                while rest and rest[0][0] not in RELEVANT[operand]:
                    rest = rest[1:]
                traffic += size * math.prod(n for _, n in rest)
            if best is None or traffic < best[0]:
                best = (traffic, count, dict(extent))
        return best[1:]

    def unrolled(self, dim, side):
        """Units along a dimension of the tile: all, or as few rounds as divide it evenly; on another array than that of
        accelerator.yaml those of the row's mapping."""
        if self.mesh != side:
            return self.units[dim]
        size = self.tile[dim]
        if size <= side:
            return size
        if size == self.sizes[dim]:
            return side  # the last round leaves units idle
        return max(units for units in range(1, side + 1) if size % units == 0)

    def documents(self, side, capacity):
        """Workload and mapping entries."""
        units = {dim: self.unrolled(dim, side) for dim in ("C", "K")}
        rounds = dict(self.tile)
        for dim, count in units.items():
            rounds[dim] = -(-self.tile[dim] // count)
        # The order of LoopConv: rows of outputs innermost, then all of them for the same weights.
        inner = [(dim, rounds[dim]) for dim in ("OX", "OY", "B", "C", "FX", "FY", "K")]
        over = list(reversed(self.outer))
        kept, _ = self.cached(capacity)

        def loops(wanted, operand):
            return [[dim, size] for dim, size in wanted if size > 1 and dim in operand]

        everything = set(self.sizes)
        cache = loops(over[:kept], everything)
        pixels = {"OX", "OY", "B"}
        # Weights of one block of output channels are used while those of the next one come.
        memory_loops = {
            "W": {"weight_registers": loops(inner, pixels), "scratchpad": loops(inner, everything - pixels - {"K"}),
                  "cache": loops(inner, {"K"}) + cache},
            "I": {"input_stream": loops(inner, {"OX"}), "scratchpad": loops(inner, everything - {"OX"}),
                  "cache": cache},
            "O": {"accumulator": loops(inner, everything)}}
        mapping = {"name": self.name,
                   "spatial_mapping": {"D1": [f"C, {units['C']}"], "D2": [f"K, {units['K']}"]},
                   "temporal_ordering": loops(inner + over, everything),
                   "memory_loops": memory_loops,
                   "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"}}
        layer = {"name": self.name, "operator_type": "Conv",
                 "equation": "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
                 "dimension_relations": [f"ix={self.stride}*ox+1*fx", f"iy={self.stride}*oy+1*fy"],
                 "loop_dims": list(self.sizes), "loop_sizes": list(self.sizes.values()),
                 "operand_precision": {"W": 8, "I": 8, "O": 32, "O_final": 8}}
        return layer, mapping


def place(document, path):
    """The map or list that holds the last key of a path."""
    for key in path[:-1]:
        document = document[key]
    return document


class Machine:
    """accelerator.yaml with values of the calibrated parameters."""

    def __init__(self, program):
        self.program = program
        self.document = yaml.safe_load((HERE / "accelerator.yaml").read_text(encoding="utf-8"))
        self.values = {name: place(self.document["memories"], path)[path[-1]]
                       for name, (path, _) in PARAMETERS.items()}

    def accelerator(self, row):
        document = copy.deepcopy(self.document)
        memories = document["memories"]
        for name, (path, _) in PARAMETERS.items():
            place(memories, path)[path[-1]] = self.values[name]
        # A wider array takes wider rows.
        wider = row.mesh // document["operational_array"]["sizes"][0]
        document["operational_array"]["sizes"] = [row.mesh, row.mesh]
        for memory, ports in {"input_stream": (0, 1), "accumulator": (0, 1), "scratchpad": (0, 1)}.items():
            for port in ports:
                for key in ("bandwidth_min", "bandwidth_max"):
                    memories[memory]["ports"][port][key] *= wider
        memories["scratchpad"]["ports"][0]["requests"]["bits"] *= wider * wider
        memories["accumulator"]["size"] = row.accumulator
        memories["scratchpad"]["size"] = row.scratchpad
        # What is larger than the cache passes through it. Where it has all channels, pixels lie together too.
        capacity = memories["cache"]["size"]
        _, extent = row.cached(capacity // 8)
        memories["cache"]["size"] = max(capacity, 8 * sum(row.bytes(extent).values()))
        lines = memories["cache"]["ports"][0]["requests"]["rows"]
        if extent["C"] == row.sizes["C"]:
            lines["I1"] = ["C", "OX"]
        if extent["K"] == row.sizes["K"]:
            lines["I2"] = ["K", "C"]
        return document

    def cycles(self, rows):
        """By name of row. Rows on the same machine are evaluated at once."""
        groups = collections.defaultdict(list)
        for row in rows:
            groups[json.dumps(self.accelerator(row), sort_keys=False)].append(row)
        result = {}
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("workload.json", "accelerator.json", "mapping.json")]
            for document, members in groups.items():
                side = self.document["operational_array"]["sizes"][0]
                entries = [row.documents(side, self.document["memories"]["cache"]["size"] // 8) for row in members]
                layers = [dict(layer, id=i, operand_source={"W": i, "I": i})
                          for i, (layer, _) in enumerate(entries)]
                default = {"name": "default", "memory_operand_links": {"O": "O", "W": "I2", "I": "I1"}}
                texts = [json.dumps(layers), document, json.dumps([default] + [m for _, m in entries])]
                for path, text in zip(paths, texts):
                    pathlib.Path(path).write_text(text, encoding="utf-8")
                answer = subprocess.run(
                    [self.program, "evaluate", "-w", paths[0], "-a", paths[1], "-m", paths[2], "--engine", "loma",
                     "--no-quirks", "--format", "json"], capture_output=True, text=True, check=False)
                if answer.returncode != 0:
                    sys.exit(f"{members[0].name}: {answer.stderr}")
                for layer in json.loads(answer.stdout)["layers"]:
                    result[layer["name"]] = layer["latency"]["total"]
        return result


def ranks(values):
    order = sorted(range(len(values)), key=lambda i: values[i])
    result = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for i in order[first:last + 1]:
            result[i] = (first + last) / 2
        first = last + 1
    return result


def rank_correlation(a, b):
    a, b = ranks(a), ranks(b)
    mean = (len(a) - 1) / 2
    product = sum((x - mean) * (y - mean) for x, y in zip(a, b))
    norm = math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))
    return product / norm if norm > 0 else float("nan")


def mean_error(rows, cycles):
    return sum(abs(cycles[row.name] / row.measured - 1) for row in rows) / len(rows)


def report(title, rows, cycles):
    if not rows:
        return
    errors = sorted(abs(cycles[row.name] / row.measured - 1) for row in rows)
    rank = rank_correlation([cycles[row.name] for row in rows], [row.measured for row in rows])
    layers = len({row.layer for row in rows})
    print(f"{title:24} {len(rows):5} rows of {layers:3} layers: mean error {100 * sum(errors) / len(errors):5.1f} %, "
          f"median {100 * errors[len(errors) // 2]:5.1f} %, rank correlation {rank:.4f}")


def fit(machine, rows):
    best = mean_error(rows, machine.cycles(rows))
    improved = True
    while improved:
        improved = False
        for name, (_, choices) in PARAMETERS.items():
            for value in choices:
                before, machine.values[name] = machine.values[name], value
                error = mean_error(rows, machine.cycles(rows))
                if error < best - 1e-9:
                    best, improved = error, True
                else:
                    machine.values[name] = before
    for name, value in machine.values.items():
        print(f"{name}: {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", type=pathlib.Path)
    parser.add_argument("--fit", action="store_true", help="look for the calibrated parameters again")
    parser.add_argument("--layers", action="store_true", help="a line for each layer")
    parser.add_argument("--each", action="store_true", help="a line for each row")
    parser.add_argument("--program", default=str(HERE.parents[2] / "build" / "release" / "ridgeline"))
    given = parser.parse_args()
    machine = Machine(given.program)
    rows = []
    for path in given.rows:
        with path.open(encoding="utf-8", newline="") as file:
            for number, record in enumerate(csv.DictReader(file), 1):
                rows.append(Row(record, f"{path.stem}{number}"))
    fitting = [row for row in rows if row.calibrates]
    if given.fit:
        fit(machine, fitting)
    cycles = machine.cycles(rows)
    if given.each:
        for row in rows:
            print(f"{row.name} measured {row.measured:.0f} ours {cycles[row.name]:.0f} "
                  f"{100 * (cycles[row.name] / row.measured - 1):+.1f} %")
    if given.layers:
        by_layer = collections.defaultdict(list)
        for row in rows:
            by_layer[row.layer].append(row)
        for layer, members in sorted(by_layer.items()):
            sizes = " ".join(f"{dim} {size}" for dim, size in zip(members[0].sizes, layer) if size > 1)
            print(f"{'fitted' if members[0].calibrates else 'held out':9} {len(members):3} rows, mean error "
                  f"{100 * mean_error(members, cycles):5.1f} %: {sizes} stride {members[0].stride}")
    report("layers of the fit", fitting, cycles)
    report("layers held out", [row for row in rows if not row.calibrates], cycles)
    report("all", rows, cycles)
    # Where the data set's own field repeats the measured cycles, there is nothing of Timeloop in it.
    predicted = [row for row in rows if row.timeloop != row.measured]
    report("Timeloop, of these", predicted, {row.name: row.timeloop for row in predicted})


if __name__ == "__main__":
    main()
