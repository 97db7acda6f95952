#!/usr/bin/python3
"""Studies whose ranks are suspended (SIGSTOP) for a while go on, and end with equal columns.

Usage: suspend_study.py RIDGELINE [--rounds N] [--seed N] [--verbose]

Each round suspends all ranks, some or one of them, rank 0 perhaps among them, one to three times for
half to three times --worker-timeout, and lets them go on.
"""
import argparse
import os
import random
import signal
import sys
import time

from study_harness import Bench, columns, differences, processes, rank_of, wait_until

SYNTHETIC = "seconds=0.05,spread=4,throw=17,infeasible=13"
TIMEOUT = 1

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--rounds", type=int, default=8)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--verbose", action="store_true")
arguments = parser.parse_args()
chance = random.Random(arguments.seed)


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


failures = suspensions = 0
with Bench(arguments.program, values=6) as bench:
    code, text = bench.run("alone.h5", synthetic=SYNTHETIC.replace("0.05", "0.0001"))
    assert code == 0, text
    expected = columns(bench.path("alone.h5"))
    for number in range(arguments.rounds):
        ranks = chance.choice([2, 3])
        recovery = chance.random() < 0.3
        who = chance.choice(["all", "some", "worker", "rank 0"])
        process = bench.start("study.h5", "--force", "--worker-timeout", TIMEOUT, ranks=ranks, synthetic=SYNTHETIC,
                              recovery=recovery)
        wait_until(lambda: len(processes(bench.program, bench.path("study.h5"))) == ranks
                   and bench.path("study.h5.d/manifest.json").exists(), 30, "the start")
        time.sleep(chance.uniform(0.2, 0.8))
        said = []
        for _ in range(chance.choice([1, 1, 2, 3])):
            by_rank = {rank_of(pid): pid for pid in processes(bench.program, bench.path("study.h5"))}
            if process.poll() is not None or None in by_rank or not by_rank:
                break
            victims = {"all": list(by_rank), "rank 0": [0], "worker": [chance.randrange(1, ranks)],
                       "some": chance.sample(range(ranks), ranks - 1)}[who]
            pids = [by_rank[rank] for rank in victims if rank in by_rank]
            longest = chance.uniform(0.5, 3) * TIMEOUT
            send(pids, signal.SIGSTOP)
            time.sleep(longest)
            for pid in chance.sample(pids, len(pids)):  # not all at the same moment
                send([pid], signal.SIGCONT)
                time.sleep(0.02)
            suspensions += 1
            said.append(f"{longest:.1f} s")
            time.sleep(chance.uniform(0.05, 0.5))
        try:
            text, _ = process.communicate(timeout=120)
        except Exception:
            os.killpg(process.pid, signal.SIGKILL)
            text = process.communicate()[0] + "\nDID NOT END"
        wrong = []
        if process.returncode != 0:
            wrong.append(f"code {process.returncode}")
        if not bench.path("study.h5").exists():
            wrong.append("there is no file")
        else:
            wrong += differences(expected, columns(bench.path("study.h5")))
        print(f"round {number}: {ranks} ranks{', recovery' if recovery else ''}, {who} for {', '.join(said)}: "
              f"{'WRONG: ' + ', '.join(wrong) if wrong else 'equal'}", flush=True)
        if wrong or arguments.verbose:
            print(text, flush=True)
        failures += bool(wrong)
print(f"{suspensions} suspensions, {failures} failures")
sys.exit(1 if failures or not suspensions else 0)
