#!/usr/bin/python3
"""Spaces of systems: every strategy gives the same bytes for any ranks and threads and after being
killed; a larger study made from a smaller one equals one made at once; and what a design's folder
says is what the study found.

Usage: system_study.py RIDGELINE [--kills N] [--seed N]

With --kills every strategy's study is killed so often, on 1 to 4 ranks of 1 to 3 threads, most of all in the middle of a
generation; whenever it comes to its end its columns are compared, and it begins anew.
"""
import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import h5py
from study_harness import EXAMPLES, Bench, columns, differences

STUDY = """
name: family
workloads: [{lab}/four_convs.yaml]
system:
  kinds:
    big: {{core: {lab}/cores/big_weights.yaml, count: n_big}}
    still: {{core: {lab}/cores/output_stationary.yaml, count: n_still}}
  offchip: {lab}/cores/offchip.yaml
  topology: {{type: shape, bandwidth: bits, offchip_bandwidth: 64}}
parameters:
  - {{name: n_big, values: [0, 1, 2]}}
  - {{name: n_still, values: [0, 1]}}
  - {{name: shape, values: [bus, mesh]}}
  - {{name: bits, values: {bits}}}
where: ["n_big + n_still > 0 or bits == 32"]
schedule_search: {{modes: [layer-by-layer], population: 6, generations: 3}}
objectives: [latency, energy, area]
strategy: {strategy}
"""
STRATEGIES = {
    "joint": "{kind: joint, islands: 2, population: 10, generations: %d, migrate_every: 2}",
    "nested": "{kind: nested, population: 6, generations: %d}",
}


def write(bench, strategy, bits="[32, 64]"):
    bench.study.write_text(STUDY.format(lab=EXAMPLES / "labs/multicore", strategy=strategy, bits=bits))


def run(bench, output, *options, expected=0, **how):
    code, said = bench.run(output, *options, synthetic=None, **how)
    assert code == expected, (code, said)
    return said


def kill_often(bench, kind, alone, kills, seed):
    """Studies that are killed in all, each ending with the columns of one that was left alone."""
    chance = random.Random(seed)
    output = bench.path("often.h5")
    killed = ended = begun = 0
    while killed < kills or begun:
        ranks, threads = 1 + chance.randrange(4), 1 + chance.randrange(3)
        process = bench.start("often.h5", *(["--resume"] if begun else ["--force"]), synthetic=None,
                              ranks=ranks if ranks > 1 else 0, threads=threads)
        begun += 1
        if killed < kills:
            folder = bench.path("often.h5.d")
            deadline = time.monotonic() + 20
            while process.poll() is None and not folder.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.2)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
        process.communicate()
        if process.returncode != 0:
            continue
        differ = differences(alone, columns(output))
        assert not differ, (kind, seed, killed, differ)
        ended += 1
        begun = 0
        output.unlink()
        shutil.rmtree(bench.path("often.h5.d"), ignore_errors=True)
    print(f"{kind}: killed {killed} times, {ended} studies came to their end with equal columns")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--kills", type=int, default=0)
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()

for kind, strategy in STRATEGIES.items():
    with Bench(arguments.program) as bench:
        write(bench, strategy % 6)
        run(bench, "alone.h5")
        alone = columns(bench.path("alone.h5"))
        if arguments.kills:
            kill_often(bench, kind, alone, arguments.kills, arguments.seed)
            continue
        for ranks, threads in itertools.product((1, 2, 3), (1, 2)):
            run(bench, "other.h5", "--force", ranks=ranks, threads=threads)
            differ = differences(alone, columns(bench.path("other.h5")))
            assert not differ, (kind, ranks, threads, differ)
        with h5py.File(bench.path("alone.h5")) as file:
            status = file["candidates/status"][()]
            assert (status == 0).sum() > 10, status
            assert not (status == 3).any(), file["candidates/message"][()]
            if kind == "joint":
                assert len(set(file["candidates/design"][()])) > 3
                assert list(file["candidates/id"][()]) == list(range(len(status)))
                assert len(set(file["candidates/genes"][()])) > 10
            front = [int(file["candidates/id"][row]) for row in file["pareto/candidate"][()]]
            figures = {name: column[()] for name, column in file["candidates/objectives"].items()}
            ids = list(file["candidates/id"][()])
            dominated = next(int(i) for i, s in zip(ids, status) if s == 0 and int(i) not in front)

        # Killed in the middle, again and again.
        for round_ in range(3):
            process = bench.start("killed.h5", *(["--resume"] if round_ else []), synthetic=None)
            time.sleep(0.25 + 0.2 * round_)
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.communicate()
        run(bench, "killed.h5", "--resume", ranks=2)
        assert not differences(alone, columns(bench.path("killed.h5"))), kind

        # A study with fewer generations, extended.
        write(bench, strategy % 2)
        run(bench, "small.h5")
        write(bench, strategy % 6)
        run(bench, "small.h5", "--extend")
        differ = differences(alone, columns(bench.path("small.h5")))
        assert not differ, (kind, "extended", differ)

        # What the folder of a design says, of one on the front and of one that is not.
        for design in (front[0], dominated):
            folder = bench.path(f"design-{design}")
            done = subprocess.run([bench.program, "report", bench.path("alone.h5"), "--design", str(design),
                                   "--export", folder], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            environment = dict(os.environ, PATH=f"{bench.program.parent}:{os.environ['PATH']}")
            made = subprocess.run([folder / "run", "--format", "json", "--quiet"], capture_output=True,
                                  text=True, env=environment)
            assert made.returncode == 0, made.stderr
            schedule = json.loads(made.stdout)
            direct = subprocess.run([bench.program, "schedule", "--from", bench.path("alone.h5"), "--design",
                                     str(design), "--format", "json", "--quiet"], capture_output=True, text=True)
            assert direct.returncode == 0, direct.stderr
            for result in (schedule, json.loads(direct.stdout)):
                assert result["latency"] == figures["latency"][ids.index(design)], (kind, design)
                assert result["energy"]["total"] == figures["energy"][ids.index(design)], (kind, design)
        done = subprocess.run([bench.program, "report", bench.path("alone.h5"), "--compare", str(front[0]),
                               str(dominated), "--format", "json"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        comparison = json.loads(done.stdout)
        layers = comparison["workloads"][0]["layers"]
        assert len(layers) == 4, layers
        done = subprocess.run([bench.program, "report", bench.path("alone.h5"), "--compare", str(front[0]),
                               str(dominated)], capture_output=True, text=True)
        assert done.returncode == 0 and "Layer0" in done.stdout, done.stdout + done.stderr
        print(f"{kind}: {len(ids)} candidates, {len(front)} on the front, the same whoever evaluates them")

if arguments.kills:
    sys.exit()

# More values of a parameter: what is known is not evaluated again, and nothing else is different.
with Bench(arguments.program) as bench:
    write(bench, "{kind: exhaustive}", bits="[32]")
    run(bench, "grown.h5")
    write(bench, "{kind: exhaustive}", bits="[32, 64]")
    run(bench, "grown.h5", "--extend")
    run(bench, "whole.h5")
    differ = differences(columns(bench.path("whole.h5")), columns(bench.path("grown.h5")))
    assert not differ, differ
    said = run(bench, "grown.h5", "--extend")
    assert "complete already" in said, said
    text = bench.study.read_text()
    bench.study.write_text(text + "warm_start: whole.h5\n")
    run(bench, "warm.h5", ranks=2)
    differ = differences(columns(bench.path("whole.h5")), columns(bench.path("warm.h5")))
    assert not differ, differ
    print("an extended study and one with a warm start equal one made at once")

# Every schedule of every design: the search finds nothing better, and most of it.
with Bench(arguments.program) as bench:
    write(bench, "{kind: exhaustive, schedules: all}")
    run(bench, "all.h5", threads=2)
    write(bench, STRATEGIES["joint"] % 12)
    run(bench, "joint.h5", threads=2)

    def front_of(name):
        with h5py.File(bench.path(name)) as file:
            rows = file["pareto/candidate"][()]
            return {tuple(float(file[f"candidates/objectives/{o}"][r]) for o in ("latency", "energy", "area"))
                    for r in rows}, len(file["candidates/id"])

    best, everything = front_of("all.h5")
    found, evaluated = front_of("joint.h5")
    for point in found:
        assert any(all(b <= p for b, p in zip(other, point)) for other in best), point
    assert evaluated < everything, (evaluated, everything)
    print(f"joint: {len(found & best)} of {len(best)} points of the front in {evaluated} of {everything} evaluations")
