#!/usr/bin/python3
"""Columns are byte-equal for any number of ranks and threads.

Usage: equal_columns.py RIDGELINE
"""
import sys

from study_harness import Bench, columns, differences, status

# Evaluations that take different times, some that fail: what could go wrong does so here.
SYNTHETIC = "seconds=0.002,spread=10,throw=17,infeasible=13"
failures = 0
for strategy in ("exhaustive", "random", "nsga2"):
    with Bench(sys.argv[1], strategy) as bench:
        code, text = bench.run("alone.h5", synthetic=SYNTHETIC)
        assert code == 0, text
        expected = columns(bench.path("alone.h5"))
        assert "/pareto/candidate" in expected and len(expected) > 6, sorted(expected)
        for ranks in (0, 1, 2, 3, 4):
            for threads in (1, 2):
                code, text = bench.run("other.h5", "--force", ranks=ranks, threads=threads,
                                       synthetic=SYNTHETIC)
                assert code == 0, text
                assert status(bench.path("other.h5")) == "complete"
                wrong = differences(expected, columns(bench.path("other.h5")))
                print(f"{strategy}: {ranks} ranks x {threads} threads: "
                      f"{'differs in ' + ', '.join(wrong) if wrong else 'equal'}", flush=True)
                failures += bool(wrong)
        # Without pruning the front is the same.
        code, text = bench.run("all.h5", "--no-prune", ranks=2, synthetic=SYNTHETIC)
        assert code == 0, text
        everything = columns(bench.path("all.h5"))
        wrong = [name for name in differences(expected, everything) if name.startswith("/pareto")
                 or name.startswith("/designs") or name == "/candidates/id"]
        print(f"{strategy}: --no-prune: {'differs in ' + ', '.join(wrong) if wrong else 'same front'}")
        failures += bool(wrong)
        assert everything["/candidates/status"] != expected["/candidates/status"], \
            "nothing was pruned, so nothing was shown"
sys.exit(failures)
