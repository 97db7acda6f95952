#!/usr/bin/python3
"""The labs run, and show what their READMEs say.

Usage: check_labs.py SOURCE_DIR RIDGELINE_PROGRAM
"""
import json
import os
import re
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

    def test_in_memory_arrays_are_far_from_their_peak_and_nearer_to_it_when_filled(self):
        results = self.run_lab("in_memory", ["breakdown.png"])
        system = results.pop("system")
        self.assertEqual({core for layer in system["allocation"] for core in layer["cores"]}, {0, 1})
        self.assertEqual(system["latency"], 10300)
        self.assertEqual({cost["core"] for cost in system["costs"] if cost["energy"] > 0}, {0, 1})
        for array, passes in (("analog", 4), ("digital", 8)):
            narrow, filled = (results[f"{array}_{name}"] for name in ("narrow_mapping", "mapping"))
            for result in (narrow, filled):
                layer = result["layers"][0]
                self.assertTrue(layer["search"]["optimal"])
                # 65,536 multipliers, each operation in so many passes.
                self.assertEqual(layer["latency"]["ideal"], layer["macs"] * passes / 65536)
                parts = layer["energy"]["mac_components"]
                self.assertAlmostEqual(sum(parts.values()) / layer["energy"]["mac"], 1, places=12)
                self.assertLess(layer["throughput"]["tops_per_watt"], result["peak"]["tops_per_watt"])
            self.assertLess(filled["total"]["energy"], narrow["total"]["energy"])
            self.assertGreater(filled["total"]["throughput"]["tops"], narrow["total"]["throughput"]["tops"])

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

    def test_lab4_reproduces_the_published_schedules_and_the_table_of_its_readme(self):
        results = self.run_lab("lab4", ["fixed.png", "rows.png", "rows_memory.png"])
        # Published with the tutorial; docs and the last latency: see the lab's README.
        self.assertEqual(results["rows_published"]["latency"], 924876)
        self.assertEqual(results["resnet18_published"]["latency"], 4342165)
        self.assertAlmostEqual(results["resnet18_rows_published"]["energy"]["total"], 62901557768.726, places=2)
        readme = (SOURCE / "examples" / "labs" / "lab4" / "README.md").read_text(encoding="utf-8")
        for name in ("fixed_independent", "fixed", "layer_by_layer", "halves", "rows", "resnet18", "resnet18_rows"):
            row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` "))
            latency, energy = (cell.strip().replace(" ", "") for cell in row.split("|")[3:5])
            self.assertEqual(int(latency), results[name]["latency"], name)
            self.assertEqual(energy, f"{results[name]['energy']['total'] / 1e6:.0f}µJ", name)
        # Fused rows leave the chip only as inputs, weights and last outputs.
        self.assertLess(results["rows"]["energy"]["offchip_memory"], 0.1 * results["fixed"]["energy"]["offchip_memory"])

    def test_multicore_lab_runs_its_three_schedules(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        done = subprocess.run([SOURCE / "examples" / "labs" / "multicore" / "run"], capture_output=True, text=True,
                              check=False, env={**os.environ, "RIDGELINE": PROGRAM, "LAB_RESULTS": folder.name})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # Stream's tutorial of 2025: its labs 1, 2 and 3.
        for latency in ("79340", "128831", "21365"):
            self.assertIn(f"latency {latency} cycles", done.stdout)

    def test_the_chips_take_what_their_readme_says_within_four_percent_of_what_was_measured(self):
        done = subprocess.run([SOURCE / "examples" / "validation" / "run"], capture_output=True, text=True, check=False,
                              env={**os.environ, "RIDGELINE": PROGRAM})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        readme = (SOURCE / "examples" / "validation" / "README.md").read_text(encoding="utf-8")
        lines = done.stdout.splitlines()
        for title in ("DepFiN", "DIANA", "Jia et al."):
            line = next(line for line in lines if line.startswith(title))
            figures = [int(number) for number in re.findall(r"\d{4,}", line)]
            measured, june = figures[:2]
            self.assertLess(abs(june / measured - 1), 0.04, title)
            row = next(line for line in readme.splitlines() if line.startswith(f"| {title} |") and "%" in line)
            written = [int(cell.split(",")[0].replace("about", "").replace(" ", "")) for cell in row.split("|")[2:-1]]
            self.assertEqual([written[0], *written[2:]], figures, title)
        # Eyeriss' latencies, within a tenth.
        layers = [re.match(r" *(conv\d): measured +([\d.]+), ours +([\d.]+)", line) for line in lines]
        layers = [found.groups() for found in layers if found]
        self.assertEqual(len(layers), 5)
        for name, measured, ours in layers:
            self.assertLess(abs(float(ours) / float(measured) - 1), 0.1)
            self.assertIn(f"| {name} | {measured} | {ours} |", readme)


if __name__ == "__main__":
    unittest.main()
