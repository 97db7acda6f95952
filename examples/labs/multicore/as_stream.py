#!/usr/bin/env python3
"""The lab as a script for Stream has it: only its imports name another package.

    PYTHONPATH=python examples/labs/multicore/as_stream.py [FOLDER]
"""
import pathlib
import sys

from ridgeline.compat.stream.api import optimize_allocation_co, optimize_allocation_ga
from ridgeline.compat.stream.utils import CostModelEvaluationLUT
from ridgeline.compat.stream.visualization.memory_usage import plot_memory_usage
from ridgeline.compat.stream.visualization.perfetto import convert_scme_to_perfetto_json

lab = pathlib.Path(__file__).resolve().parent
outputs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "results")
hardware, workload = str(lab / "system.yaml"), str(lab / "four_convs.yaml")


def report(name, scme):
    print(f"{name}: latency {scme.latency:g} cycles, energy {scme.energy:g} pJ")
    folder = outputs / name
    convert_scme_to_perfetto_json(scme, CostModelEvaluationLUT(str(folder / "cost_lut.pickle")), str(folder / "scme.json"))
    try:
        scme.plot_schedule(fig_path=str(folder / "schedule.png"))
        plot_memory_usage(scme, fig_path=str(folder / "memory.png"))
    except ImportError as error:
        print(f"  no pictures: {error}")


# Lab 1 and 2: which core runs what is fixed, layer by layer, and in slices over all cores.
for mapping in ("one_layer_a_core", "slices"):
    report(mapping, optimize_allocation_co(hardware=hardware, workload=workload, mapping=str(lab / f"{mapping}.yaml"),
                                           mode="lbl", layer_stacks=None, experiment_id=mapping,
                                           output_path=str(outputs)))
# The same allocation with the rows of all layers interleaved.
report("one_layer_a_core_fused", optimize_allocation_co(
    hardware=hardware, workload=workload, mapping=str(lab / "one_layer_a_core.yaml"), mode="fused",
    layer_stacks=[(0, 1, 2, 3)], experiment_id="one_layer_a_core_fused", output_path=str(outputs)))
# Lab 3: a genetic algorithm chooses the cores.
for mode in ("lbl", "fused"):
    report(f"ga_{mode}", optimize_allocation_ga(
        hardware=hardware, workload=workload, mapping=str(lab / "fused.yaml"), mode=mode, layer_stacks=[(0, 1, 2, 3)],
        nb_ga_generations=8, nb_ga_individuals=16, experiment_id=f"ga_{mode}", output_path=str(outputs)))
