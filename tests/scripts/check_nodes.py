#!/usr/bin/python3
"""Proofs take no more nodes than they did: counts are the same on every machine.

Usage: check_nodes.py SOURCE_DIR RIDGELINE_PROGRAM [--write]

`data/nodes.json` holds the nodes of some networks' proofs on the example cores. Fewer are welcome: then, or
where more have a reason, `--write` takes today's.
"""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

WRITE = "--write" in sys.argv
if WRITE:
    sys.argv.remove("--write")
PROGRAM = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
BOOK = pathlib.Path(__file__).resolve().parent / "data" / "nodes.json"

CASES = [("resnet18", "tpu_like"), ("resnet18", "edge_tpu_like"), ("bert_base_block", "tpu_like"),
         ("bert_base_block", "tesla_npu_like"), ("mobilenetv2", "tpu_like")]
OBJECTIVES = ["latency", "energy", "edp"]


def searches_of(workload, accelerator, mapping, objective, *options):
    done = subprocess.run(
        [PROGRAM, "evaluate", "-w", workload, "-a", accelerator, "-m", mapping, "--engine", "exact", "--objective",
         objective, "--quiet", "--format", "json", *(options or ["--threads", "1"])], capture_output=True, text=True,
        check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [layer["search"] for layer in json.loads(done.stdout)["layers"]]


def nodes_of(workload, accelerator, mapping, objective, *options):
    """Nodes of all searches of a workload; none of them may be left unproven."""
    searches = searches_of(workload, accelerator, mapping, objective, *options)
    if not all(search["optimal"] for search in searches):
        raise AssertionError(f"{workload} on {accelerator}, {objective}: not all is proven")
    return sum(search["nodes"] for search in searches)


def example(network, core):
    examples = SOURCE / "examples"
    return [examples / f"workloads/{network}.onnx", examples / f"accelerators/{core}.yaml",
            examples / f"mappings/{core}.yaml"]


def nodes_of_network(network, core, objective):
    return nodes_of(*example(network, core), objective)


def growth_module():
    loader = importlib.machinery.SourceFileLoader("growth", str(SOURCE / "bench" / "growth"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("growth", loader))
    loader.exec_module(module)
    return module


def nodes_of_free(dims, objective, threads):
    """Nodes of a convolution whose spatial mapping is free on so many array dimensions."""
    growth = growth_module()
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / f"{name}.json" for name in ("workload", "accelerator", "mapping")]
        for file, document in zip(files, (growth.convolution(28), growth.accelerator(3, dims), growth.mapping(None))):
            file.write_text(json.dumps(document), encoding="utf-8")
        return nodes_of(*files, objective, "--spatial-candidates", "all", "--threads", str(threads))


class Nodes(unittest.TestCase):
    def test_the_strict_model_leaves_gaps_of_a_percent_at_most(self):
        for core in ("edge_tpu_like", "tpu_like"):
            for objective in OBJECTIVES:
                searches = searches_of(*example("resnet18", core), objective, "--no-quirks", "--threads", "1")
                for search in searches:
                    near = objective != "energy" and search["gap"] <= 0.01
                    self.assertTrue(search["optimal"] or near, (core, objective, search))

    def test_no_proof_has_become_longer(self):
        known = json.loads(BOOK.read_text(encoding="utf-8")) if BOOK.exists() else {}
        now = {f"{network}, {core}, {objective}": nodes_of_network(network, core, objective)
               for network, core in CASES for objective in OBJECTIVES}
        # Of very many spatial mappings a few are hard: they have what the others leave of the limit.
        now |= {f"convolution, free on {dims} array dimensions, {objective}": nodes_of_free(dims, objective, 1)
                for dims in (2, 3) for objective in OBJECTIVES}
        if WRITE:
            BOOK.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
            return
        self.assertEqual(set(now), set(known))
        longer = [f"{case}: {now[case]:,} nodes instead of {known[case]:,}" for case in now if now[case] > known[case]]
        self.assertEqual(longer, [], "\n".join(longer))

    def test_threads_do_not_matter_where_spatial_mappings_are_searched_again(self):
        self.assertEqual(nodes_of_free(2, "edp", 1), nodes_of_free(2, "edp", 2))


if __name__ == "__main__":
    unittest.main()
