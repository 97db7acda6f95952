#!/usr/bin/python3
"""Latencies of ours against those measured on four chips, as tables.

Usage: table.py [RIDGELINE]

DepFiN, DIANA and Jia et al. are scheduled under the semantics of Stream's validation, under today's, and under
--no-quirks; Eyeriss is evaluated layer by layer with the mappings that the chip ran, under --no-quirks.
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else str(HERE.parents[1] / "build" / "release" / "ridgeline")
CHIPS = [("DepFiN", "depfin", "fsrcnn.yaml", "memory", 6_180_000),
         ("DIANA", "diana", "resnet18_start.yaml", "memory", 812_000),
         ("Jia et al.", "jia", "resnet50_segment.yaml", "latency", 66_302)]
WAYS = [("June 2023", ["--semantics", "2023-06"]), ("today's", []), ("--no-quirks", ["--no-quirks"])]
# Milliseconds of processing, milliwatts, and units in use (Chen et al., JSSC 2017).
EYERISS = {"conv1": (16.5, 332, 154), "conv2": (39.2, 288, 135), "conv3": (21.8, 266, 156), "conv4": (16.0, 235, 156),
           "conv5": (10.0, 236, 156)}


def answer(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments), "--format", "json"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def ranks(values):
    return [sorted(values).index(value) for value in values]


print(f"{'chip':11} {'measured':>10}" + "".join(f" {name:>22}" for name, _ in WAYS))
for name, folder, workload, priority, measured in CHIPS:
    line = f"{name:11} {measured:10}"
    for _, options in WAYS:
        found = answer("schedule", "--workload", HERE / folder / workload, "--accelerator",
                       HERE / folder / "system.yaml", "--mapping", HERE / folder / "mapping.yaml", "--priority",
                       priority, "--prefetch", "W", *options)
        line += f" {found['latency']:12.0f} ({100 * (found['latency'] / measured - 1):+5.1f} %)"
    print(line)

print("\nEyeriss, AlexNet, four images: milliseconds at 200 MHz")
found = answer("evaluate", "--workload", HERE / "eyeriss" / "alexnet.yaml", "--accelerator",
               HERE / "eyeriss" / "accelerator.yaml", "--mapping", HERE / "eyeriss" / "mapping.yaml", "--engine", "loma",
               "--no-quirks")
errors, ours, theirs, energies = [], [], [], []
for layer in found["layers"]:
    time, power, units = EYERISS[layer["name"]]
    mine = layer["latency"]["total"] / 200e3
    errors.append(abs(mine / time - 1))
    ours.append(mine)
    theirs.append(time)
    # What is not DRAM, in units of a multiply-accumulate.
    dram = sum(value for levels in layer["energy"]["memory"].values() for level in levels if level["memory"] == "dram"
               for value in level.values() if not isinstance(value, str))
    energies.append((layer["name"], time * power, layer["energy"]["total"] - dram))
    print(f"  {layer['name']}: measured {time:5.1f}, ours {mine:5.1f} ({100 * (mine / time - 1):+5.1f} %); "
          f"waiting {100 * layer['latency']['stall'] / layer['latency']['total']:4.1f} %")
ordered = ranks(ours) == ranks(theirs)
print(f"  mean error {100 * sum(errors) / len(errors):.1f} %, all: measured {sum(theirs):.1f}, ours {sum(ours):.1f}; "
      f"{'in the same order' if ordered else 'in another order'}")
print("  energy on the chip as a share of all five, measured (power x processing) and ours:")
for name, measured, mine in energies:
    print(f"  {name}: {100 * measured / sum(e[1] for e in energies):5.1f} %, {100 * mine / sum(e[2] for e in energies):5.1f} %")
