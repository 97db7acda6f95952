#!/usr/bin/env python3
"""One search of schedules on one, two and three processes gives the same result, and errors once.

Usage: schedule_ranks.py RIDGELINE
"""
import json
import pathlib
import subprocess
import sys

program = sys.argv[1]
examples = pathlib.Path(__file__).resolve().parents[3] / "examples"
lab = examples / "labs" / "multicore"


def run(ranks, *options):
    launcher = ["mpirun", "--oversubscribe", "--allow-run-as-root", "-n", str(ranks)] if ranks > 1 else []
    return subprocess.run([*launcher, program, "schedule", "--accelerator", str(lab / "system.yaml"),
                           "--workload", str(lab / "four_convs.yaml"), "--threads", "1", *options],
                          capture_output=True, text=True, timeout=300)


def result(ranks, *options):
    done = run(ranks, *options, "--format", "json", "--quiet")
    if done.returncode != 0:
        sys.exit(f"{ranks} ranks end with {done.returncode}:\n{done.stderr}")
    document = json.loads(done.stdout)
    document["search"].pop("seconds")
    return document


cases = {
    "layer by layer": ["--mapping", str(lab / "fused.yaml"), "--mode", "layer-by-layer", "--search", "ga",
                       "--population", "10", "--generations", "6"],
    "fused, cuts searched": ["--mapping", str(lab / "fused.yaml"), "--granularity", "OY=1,2,all",
                             "--search", "ga", "--population", "12", "--generations", "3"],
    "exact": ["--mapping", str(lab / "fused.yaml"), "--mode", "layer-by-layer", "--search", "exact"],
}
for name, options in cases.items():
    alone = result(1, *options)
    for ranks in (2, 3):
        if result(ranks, *options) != alone:
            sys.exit(f"{name}: {ranks} ranks find something else than one")

wrong = run(2, "--mapping", str(lab / "nothing.yaml"))
if wrong.returncode == 0 or wrong.stderr.count("ridgeline: ") != 1:
    sys.exit(f"an error is told {wrong.stderr.count('ridgeline: ')} times, code {wrong.returncode}:\n{wrong.stderr}")
print("equal on 1, 2 and 3 ranks:", ", ".join(cases))
