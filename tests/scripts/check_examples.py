#!/usr/bin/python3
"""Our example accelerators cost what the reference's of the same name cost.

Usage: check_examples.py EXAMPLES_DIR REFERENCE_DIR
Everything that energy and latency depend on must be equal; names, areas and layout are our own.
Exits 77 (skip) where the reference's files are absent.
"""
import pathlib
import sys

import yaml

examples, reference = map(pathlib.Path, sys.argv[1:])
theirs = reference / "inputs" / "hardware"
if not theirs.is_dir():
    print(f"skipped: no {theirs}")
    sys.exit(77)


def facts(path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    array = document["operational_array"]
    memories = [
        (m["size"], m["r_cost"], m["w_cost"], m["operands"], sorted(m["served_dimensions"]),
         [(p["name"], p["type"], p["bandwidth_min"], p["bandwidth_max"],
           [a.replace(" ", "") for a in p["allocation"]]) for p in m["ports"]])
        for m in document["memories"].values()]
    return array["dimensions"], array["sizes"], array["unit_energy"], memories


names = ["ascend_like", "edge_tpu_like", "eyeriss_like", "tesla_npu_like", "tpu_like"]
different = [n for n in names
             if facts(examples / "accelerators" / f"{n}.yaml") != facts(theirs / f"{n}.yaml")]
if different:
    sys.exit("differ from the reference: " + ", ".join(different))
print(f"{len(names)} accelerators equal")
