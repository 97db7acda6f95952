#!/usr/bin/python3
"""What `evaluate --export-mapping` writes gives the same figures, to the last bit.

Usage: check_replay.py PROJECT RIDGELINE [--all]

Every layer of an example network on every example core is a mapping that is exported and evaluated again, by the
rules of the reference and without quirks, as found by several engines. Everything that the result says of a
layer must be equal but how it was found. `--all` takes
all networks on all cores in all ways, else one in three.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("project", type=pathlib.Path)
parser.add_argument("program")
parser.add_argument("--all", action="store_true")
given = parser.parse_args()
examples = given.project / "examples"
cores = sorted((examples / "accelerators").glob("*.yaml"))
cores += [examples / "in-memory" / "digital.yaml", examples / "in-memory" / "analog.yaml"]
networks = sorted((examples / "workloads").glob("*.onnx"))
ways = [["--engine", "loma", "--lpf-limit", "4"], ["--engine", "exact", "--node-limit", "500"],
        ["--engine", "exact", "--node-limit", "500", "--objective", "energy"],
        ["--engine", "loma", "--lpf-limit", "4", "--even"]]
SEARCHED = ("search", "cheaper", "unfinished")
equal, wrong, infeasible = 0, [], 0


def evaluate(folder, arguments):
    out = folder / "result.json"
    done = subprocess.run([given.program, "evaluate", *map(str, arguments), "--threads", "1",
                           "--spatial-candidates", "1", "--format",
                           "json", "--quiet", "-o", str(out)],
                          check=False, capture_output=True, text=True)
    if done.returncode not in (0, 4):
        sys.exit(f"{arguments}: {done.returncode}: {done.stderr}")
    return json.loads(out.read_text())["layers"]


def figures(layer):
    return {key: value for key, value in layer.items() if key not in SEARCHED}


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    mapping = folder / "found.yaml"
    turn = 0
    for core in cores:
        for network in networks:
            for quirks in ([], ["--no-quirks"]):
                if not given.all and (turn := turn + 1) % 3:
                    continue
                way = ways[turn // 3 % len(ways)]
                for way in (ways if given.all else [way]):
                    base = ["-w", network, "-a", core, *quirks]
                    found = evaluate(folder, [*base, *way, "--export-mapping", mapping])
                    again = evaluate(folder, [*base, "-m", mapping])
                    for one, other in zip(found, again, strict=True):
                        if "infeasible" in one:
                            infeasible += 1
                            continue
                        if figures(one) == figures(other):
                            equal += 1
                        else:
                            keys = [k for k in one if k not in SEARCHED and one[k] != other.get(k)]
                            wrong.append(f"{network.stem} on {core.stem} {quirks} {way}: {one['name']}: "
                                         f"{keys} {other.get('infeasible', '')}")
for line in wrong[:20]:
    print(line)
print(f"{equal} mappings equal, {len(wrong)} not, {infeasible} without a mapping")
sys.exit(bool(wrong) or equal < 200)
