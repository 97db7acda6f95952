#!/usr/bin/python3
"""Proofs take no more nodes than they did: counts are the same on every machine.

Usage: check_nodes.py SOURCE_DIR RIDGELINE_PROGRAM [--write]

`data/nodes.json` holds the nodes of some networks' proofs on the example cores. Fewer are welcome: then, or
where more have a reason, `--write` takes today's.
"""
import json
import pathlib
import subprocess
import sys
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


def nodes_of(network, core, objective):
    """Nodes of all searches of a network; none of them may be left unproven."""
    examples = SOURCE / "examples"
    done = subprocess.run(
        [PROGRAM, "evaluate", "-w", examples / f"workloads/{network}.onnx", "-a", examples / f"accelerators/{core}.yaml",
         "-m", examples / f"mappings/{core}.yaml", "--engine", "exact", "--objective", objective, "--threads", "1",
         "--quiet", "--format", "json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    searches = [layer["search"] for layer in json.loads(done.stdout)["layers"]]
    if not all(search["optimal"] for search in searches):
        raise AssertionError(f"{network} on {core}, {objective}: not all is proven")
    return sum(search["nodes"] for search in searches)


class Nodes(unittest.TestCase):
    def test_no_proof_has_become_longer(self):
        known = json.loads(BOOK.read_text(encoding="utf-8")) if BOOK.exists() else {}
        now = {f"{network}, {core}, {objective}": nodes_of(network, core, objective)
               for network, core in CASES for objective in OBJECTIVES}
        if WRITE:
            BOOK.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
            return
        self.assertEqual(set(now), set(known))
        longer = [f"{case}: {now[case]:,} nodes instead of {known[case]:,}" for case in now if now[case] > known[case]]
        self.assertEqual(longer, [], "\n".join(longer))


if __name__ == "__main__":
    unittest.main()
