#!/usr/bin/python3
"""What the machine does never becomes a result: memory, threads and calls of the system that fail once.

Usage: inject_faults.py RIDGELINE LIBRARY [--faults N] [--seed N] [--only STUDY] [--kind KIND] [--verbose]

Three small studies (single-core, multi-core, genetic) run again and again, each time with one fault
of LIBRARY (inject_faults.cpp) somewhere. A run ends with 0 where the fault did no harm, with 74
where it did (3 where it was an input that could not be read), never by a signal; what it leaves
behind holds no result that an undisturbed run does not have, and --resume completes it to equal
columns.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "engine/explore"))
from study_harness import EXAMPLES, columns, differences, status  # noqa: E402

SHARES = {"new": 0.62, "malloc": 0.08, "thread": 0.02, "open": 0.06, "read": 0.06, "write": 0.06, "sync": 0.03,
          "rename": 0.03, "mkdir": 0.01, "fork": 0.01}
# Libraries in C that end the process where they have no memory are beyond our reach: nothing may be
# lost by that, but the exit code is theirs.
SIGNALS = {"malloc"}
SINGLE = """workloads: [workload.yaml]
accelerator: accelerator.yaml
mapping: mapping.yaml
parameters:
  - {{name: cost, path: /memories/l1/r_cost, values: [90, 95, 100]}}
  - {{name: n, path: /operational_array/sizes/1, values: [8, 16]}}
mapping_search: {{engine: loma, lpf_limit: 3}}
objectives: [latency, energy, area]
strategy: {strategy}
"""
MULTI = """workloads: [../labs/multicore/four_convs.yaml]
accelerator: ../labs/multicore/system.yaml
mapping: ../labs/multicore/fused.yaml
parameters:
  - {name: output_stationary, path: /cores/1/operational_array/sizes/0, values: [8, 16]}
  - {name: bandwidth, path: /core_connectivity/0/bandwidth, values: [32, 64]}
schedule_search: {modes: [layer-by-layer, fused], granularity: {OY: [1, all]}, objective: edp}
objectives: [latency, energy, area]
"""


class Study:
    def __init__(self, program, library, name, text):
        self.program, self.library, self.name = program, library, name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ridgeline-faults-"))
        shutil.copytree(EXAMPLES / "labs", self.folder / "labs")
        shutil.copytree(EXAMPLES / "studies/gemm", self.folder / "study")
        (self.folder / "study/study.yaml").write_text(text)
        self.output = self.folder / "s.h5"
        code, said = self.run("--force", "--no-prune", fault="none:0")
        assert code == 0, said
        self.expected = columns(self.output)
        self.counts = {}
        for line in (self.folder / "counts").read_text().splitlines():
            kind, count = line.split()
            self.counts[kind] = int(count)

    def run(self, *options, fault=None):
        environment = dict(os.environ)
        if fault:
            environment.update(LD_PRELOAD=str(self.library), RIDGELINE_FAULT=fault,
                               RIDGELINE_FAULT_COUNT=str(self.folder / "counts"))
        try:
            done = subprocess.run([self.program, "explore", self.folder / "study/study.yaml", "-o", self.output,
                                   "--threads", "2", *options], env=environment, cwd=self.folder, timeout=40,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        except subprocess.TimeoutExpired:
            return "it hangs", ""
        return done.returncode, done.stdout

    def strike(self, kind, number):
        """What is wrong, and the exit code."""
        shutil.rmtree(str(self.output) + ".d", ignore_errors=True)
        self.output.unlink(missing_ok=True)
        code, said = self.run("--resume", "--no-prune", fault=f"{kind}:{number}")
        allowed = {0, 74} | ({3} if kind in ("open", "read") else set())
        wrong = []
        if code not in allowed and not (kind in SIGNALS and code != "it hangs" and code < 0):
            wrong.append(f"code {code}")
        if code == 74 and "bug" in said:
            wrong.append("called a bug")
        if self.output.exists() and status(self.output) == "stopped":
            pass  # checked below, when it is complete
        again, more = (0, "")
        if code != 0:
            again, more = self.run("--resume", "--no-prune")
        if again != 0:
            wrong.append(f"resumed: code {again}")
        else:
            unequal = differences(self.expected, columns(self.output))
            if unequal:
                wrong.append("unequal: " + ", ".join(unequal))
            if pathlib.Path(str(self.output) + ".d").exists():
                wrong.append("its folder is left")
        left = [path.name for path in self.folder.iterdir() if ".part-" in path.name]
        if left:
            wrong.append("left: " + ", ".join(left))
        return wrong, code, said + more


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("library")
    parser.add_argument("--faults", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--kind")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    program, library = (pathlib.Path(path).resolve() for path in (arguments.program, arguments.library))
    texts = {"single": SINGLE.format(strategy="{kind: exhaustive}"), "multi": MULTI,
             "genetic": SINGLE.format(strategy="{kind: nsga2, population: 4, generations: 3}")}
    failures = struck = 0
    codes = collections.Counter()
    begun = time.monotonic()
    for name, text in texts.items():
        if arguments.only and name != arguments.only:
            continue
        study = Study(program, library, name, text)
        for kind, share in SHARES.items():
            if arguments.kind and kind != arguments.kind:
                continue
            calls = study.counts[kind]
            wanted = arguments.faults / len(texts) * (1 if arguments.kind else share)
            if wanted >= calls:
                numbers = range(1, calls + 1)
            else:  # one of each stretch, so that all of a run is covered
                step = calls / max(1, round(wanted))
                numbers = sorted({1 + min(calls - 1, int(step * (i + chance.random())))
                                  for i in range(max(1, round(wanted)))})
            for number in numbers:
                wrong, code, said = study.strike(kind, number)
                struck += 1
                codes[f"{kind}: {code}"] += 1
                if wrong:
                    failures += 1
                    print(f"FAIL {name}, {kind}:{number}: {'; '.join(wrong)}\n{said}", flush=True)
                elif arguments.verbose:
                    print(f"ok   {name}, {kind}:{number}: {code}", flush=True)
        shutil.rmtree(study.folder, ignore_errors=True)
    for entry, count in sorted(codes.items()):
        print(f"  {entry} ({count} times)")
    print(f"{struck} faults, {failures} failures, {time.monotonic() - begun:.0f} s")
    return 1 if failures or not struck else 0


sys.exit(main())
