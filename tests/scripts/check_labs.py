#!/usr/bin/python3
"""The labs run, and show what their READMEs say.

Usage: check_labs.py SOURCE_DIR RIDGELINE_PROGRAM
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()


class Labs(unittest.TestCase):
    def run_lab(self, lab, figures):
        """Runs a lab; returns its results by name."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        done = subprocess.run([SOURCE / "examples" / "labs" / lab / "run"], capture_output=True, text=True,
                              check=False, env={**os.environ, "RIDGELINE": PROGRAM, "LAB_RESULTS": folder.name})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        results = pathlib.Path(folder.name)
        for figure in figures:
            self.assertGreater((results / figure).stat().st_size, 10_000, figure)
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in results.glob("*.json")}

    def test_lab1_finishing_an_output_first_saves_energy_and_cycles(self):
        results = self.run_lab("lab1", ["tpu_like.png", "breakdown.png"])
        pixels, kernel = (results[name]["layers"][0] for name in ("pixels_first", "kernel_first"))
        # 64 channels, 112 x 112 outputs, 3 channels and 7 x 7 kernel elements each.
        self.assertEqual(pixels["macs"], 64 * 112 * 112 * 3 * 7 * 7)
        # Both walk 2 x 112 x 112 x 49 steps; 1024 units would need 1/1024 of the MACs at best.
        for layer in (pixels, kernel):
            self.assertEqual(layer["latency"]["ideal_temporal"], 2 * 112 * 112 * 49)
            self.assertEqual(layer["latency"]["ideal"], 64 * 112 * 112 * 3 * 49 / 1024)
        self.assertEqual([(l["dim"], l["size"]) for l in pixels["mapping"]["temporal"]],
                         [("OX", 112), ("OY", 112), ("FX", 7), ("FY", 7), ("K", 2)])
        self.assertLess(kernel["energy"]["total"], pixels["energy"]["total"])
        self.assertLess(kernel["latency"]["total"], pixels["latency"]["total"])

    def test_lab2_onnx_and_handwritten_agree_and_beat_the_fixed_orders(self):
        results = self.run_lab("lab2", ["breakdown.png"])
        by_hand, onnx = results["by_hand"]["layers"][0], results["from_onnx"]["layers"][0]
        for figure in ("energy", "latency"):
            self.assertEqual(by_hand[figure]["total"], onnx[figure]["total"])
        for name in ("pixels_first", "kernel_first"):
            self.assertLessEqual(by_hand["latency"]["total"], results[name]["layers"][0]["latency"]["total"])

    def test_lab3_compares_three_wirings_of_the_same_array(self):
        results = self.run_lab("lab3", ["breakdown.png", "shared_hierarchy.png", "split_hierarchy.png",
                                        "two_level_hierarchy.png"])
        self.assertEqual(set(results), {"shared", "split", "two_level"})
        self.assertEqual(len({r["layers"][0]["energy"]["mac"] for r in results.values()}), 1)
        self.assertEqual(len({r["layers"][0]["energy"]["total"] for r in results.values()}), 3)
        # Sums of docs/areas.md: units and registers, and the buffers.
        cells = 1024 * (0.000777 + 0.000073 + 0.000146)
        for name, buffers in (("shared", 10.6), ("split", 2 * 5.28), ("two_level", 10.6 + 0.366 + 0.183)):
            self.assertAlmostEqual(results[name]["total"]["area"], cells + buffers, places=9)


if __name__ == "__main__":
    unittest.main()
