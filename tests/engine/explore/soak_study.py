#!/usr/bin/python3
"""A long study on two ranks that is killed again and again ends with the columns of an undisturbed one.

Usage: soak_study.py RIDGELINE [--candidates N] [--every SECONDS] [--seed N] [--folder DIR]

Kills one rank, both, or the launcher, with SIGKILL, at random moments `--every` seconds apart on
average, resumes until the study is complete, and says what memory rank 0 took.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import time

from study_harness import Bench, columns, differences, processes, rank_of

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--candidates", type=int, default=200_000)
parser.add_argument("--every", type=float, default=4)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
chance = random.Random(arguments.seed)
side = max(2, round((arguments.candidates / 10) ** 0.5))


def peak_mib(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


with Bench(arguments.program) as bench:
    many = f"values: {{from: 1, to: {side}, step: 1}}"
    bench.study.write_text(
        "workloads: [workload.yaml]\naccelerator: accelerator.yaml\nmapping: mapping.yaml\nparameters:\n"
        f"  - {{name: a, path: /memories/weight_buffer/r_cost, {many}}}\n"
        f"  - {{name: b, path: /memories/weight_buffer/w_cost, {many}}}\n"
        "  - {name: c, path: /memories/partial_sum/r_cost, values: {from: 1, to: 10, step: 1}}\n"
        "objectives: [latency, energy, area]\n")
    begun = time.monotonic()
    code, text = bench.run("alone.h5", "--no-prune", "--quiet", synthetic="seconds=0,infeasible=13", timeout=7200)
    assert code == 0, text
    print(f"undisturbed, one rank: {time.monotonic() - begun:.0f} s for {10 * side * side:,} candidates", flush=True)
    expected = columns(bench.path("alone.h5"))
    begun = time.monotonic()
    runs = kills = peak = 0
    while True:
        process = bench.start("soak.h5", "--no-prune", "--quiet", "--resume", "--checkpoint-every", 10, ranks=2,
                              synthetic="seconds=0,infeasible=13")
        runs += 1
        strike = time.monotonic() + chance.expovariate(1 / arguments.every)
        while process.poll() is None:
            time.sleep(0.1)
            pids = {rank_of(pid): pid for pid in processes(bench.program, bench.path("soak.h5"))}
            peak = max(peak, peak_mib(pids.get(0, 0)))
            if time.monotonic() < strike or None in pids or not pids:
                continue
            victims = chance.choice([[pids.get(0)], [pids.get(1)], list(pids.values()), [process.pid]])
            for pid in victims:
                try:
                    os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, TypeError):
                    continue
            kills += 1
            strike = float("inf")
        text = process.communicate()[0]
        if process.returncode == 0 and not bench.path("soak.h5.d").exists():
            break
        # What outlives its launcher ends by itself.
        end = time.monotonic() + 60
        while processes(bench.program, bench.path("soak.h5")) and time.monotonic() < end:
            time.sleep(0.2)
    wrong = differences(expected, columns(bench.path("soak.h5")))
    print(f"{runs} runs, {kills} kills, {time.monotonic() - begun:.0f} s, rank 0 took {peak:.0f} MiB at most: "
          f"{'WRONG: ' + ', '.join(wrong) if wrong else 'equal'}")
    sys.exit(1 if wrong else 0)
