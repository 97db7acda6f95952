#!/usr/bin/python3
"""Studies that are killed at random moments end with the columns of undisturbed ones.

Usage: kill_study.py RIDGELINE [--rounds N] [--seed N] [--verbose]

Each round takes a strategy, numbers of ranks and threads and a victim (a worker, the master,
mpirun, all of them, or a worker under --enable-recovery), kills it with SIGKILL at a random
moment, resumes with other numbers, perhaps kills again, and compares in the end.
"""
import argparse
import os
import random
import signal
import sys
import time

import h5py
from study_harness import Bench, columns, differences, processes, rank_of, status

SYNTHETIC = "seconds=0.02,spread=6,throw=17,infeasible=13"

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("--rounds", type=int, default=10)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--verbose", action="store_true")
arguments = parser.parse_args()
chance = random.Random(arguments.seed)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def strike(bench, process, victim, ranks):
    """Kills; returns whether there was something to kill."""
    pids = processes(bench.program, bench.path("study.h5"))
    if process.poll() is not None or not pids:
        return False
    by_rank = {rank_of(pid): pid for pid in pids}
    if victim == "launcher" and ranks > 0:
        return kill(process.pid)
    if victim == "worker" and ranks > 1:
        workers = [pid for rank, pid in by_rank.items() if rank]
        return bool(workers) and kill(chance.choice(workers))
    if victim == "all":
        return all([kill(process.pid)] + [kill(pid) for pid in pids])
    master = by_rank.get(0, by_rank.get(None))
    return master is not None and kill(master)


def check_what_is_left(bench):
    """Every HDF5 file under its final name opens."""
    for path in bench.folder.rglob("*.h5"):
        if path.is_file() and ".tmp" not in path.name:
            with h5py.File(path, "r") as file:
                assert file.attrs["format"] in ("ridgeline-study", b"ridgeline-study"), path


expected = {}
benches = {}
for strategy in ("exhaustive", "random", "nsga2"):
    bench = benches[strategy] = Bench(arguments.program, strategy, values=6)
    code, text = bench.run("alone.h5", synthetic=SYNTHETIC.replace("0.02", "0.0001"))
    assert code == 0, text
    expected[strategy] = columns(bench.path("alone.h5"))

kills = recovered = failures = 0
for number in range(arguments.rounds):
    strategy = chance.choice(list(benches))
    bench = benches[strategy]
    first = True
    log = []
    while True:
        ranks = chance.choice([0, 2, 3, 4])
        threads = chance.choice([1, 2])
        victim = chance.choice(["worker", "master", "launcher", "all"])
        recovery = ranks > 2 and victim == "worker" and chance.random() < 0.7
        options = ["--worker-timeout", 2, "--checkpoint-every", chance.choice([0, 0.1]),
                   "--force" if first else "--resume"]
        process = bench.start("study.h5", *options, ranks=ranks, threads=threads,
                              synthetic=SYNTHETIC, recovery=recovery)
        struck = False
        if chance.random() < 0.75:
            time.sleep(chance.uniform(0.05, 1.6))
            struck = strike(bench, process, victim, ranks)
        begun = time.monotonic()
        try:
            text, _ = process.communicate(timeout=120)
        except Exception:
            os.killpg(process.pid, signal.SIGKILL)
            text = process.communicate()[0] + "\nDID NOT END"
        kills += struck
        log.append(f"{ranks} ranks x {threads}{' recovery' if recovery else ''}, "
                   f"{victim if struck else 'nobody'} killed: code {process.returncode}, "
                   f"{time.monotonic() - begun:.1f} s\n{text}")
        check_what_is_left(bench)
        if "DID NOT END" in text:
            break
        if struck and recovery and "complete:" in text:
            recovered += 1
        if "complete:" in text or "complete already" in text:
            break
        if not struck and process.returncode not in (0, 75):
            # Nothing was killed in this run, so nothing may go wrong.
            log.append("unexpected end")
            break
        first = not bench.path("study.h5.d/manifest.json").exists() and \
            not bench.path("study.h5").exists()
        # While MPI is initialised nothing can be done about a dead rank but to end.
        if recovery and struck and "did not find each other" not in text:
            log.append("a worker was lost under --enable-recovery, and the study did not go on")
            break
    wrong = ["it was not completed"]
    if bench.path("study.h5").exists() and status(bench.path("study.h5")) == "complete":
        wrong = differences(expected[strategy], columns(bench.path("study.h5")))
    if bench.path("study.h5.d").exists():
        wrong.append("study.h5.d is still there")
    print(f"round {number}: {strategy}, {len(log)} runs: "
          f"{'WRONG: ' + ', '.join(wrong) if wrong else 'equal'}", flush=True)
    if wrong or arguments.verbose:
        print("\n".join(log), flush=True)
    failures += bool(wrong)
print(f"{kills} kills, {recovered} studies completed without a lost worker, {failures} failures")
for bench in benches.values():
    bench.__exit__()
sys.exit(1 if failures else 0)
