#!/usr/bin/python3
"""The plot scripts draw what their inputs say.

Usage: check_plots.py SOURCE_DIR RIDGELINE
Figures are written as SVG with their text as text, so that what is printed in them can be checked
against figures added up by hand from data/two_layers.json, and as PNG, which must not be blank.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import matplotlib

matplotlib.use("Agg")
import matplotlib.image  # noqa: E402

PROGRAM = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
DATA = SOURCE / "tests" / "scripts" / "data"
TWO_LAYERS = DATA / "two_layers.json"


class Plots(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_script(self, script, *arguments, output="figure.svg"):
        path = pathlib.Path(self.folder.name) / output
        done = subprocess.run([SOURCE / "scripts" / script, "-o", path, *map(str, arguments)],
                              capture_output=True, text=True, check=False)
        return done, path

    def texts(self, script, *arguments):
        done, path = self.run_script(script, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))

    def assert_not_blank(self, path):
        image = matplotlib.image.imread(path)
        self.assertGreater(min(image.shape[:2]), 200)
        colours = {tuple(pixel) for row in image[::4, ::4] for pixel in row}
        self.assertGreater(len(colours), 10)

    def test_mapping_space_shows_the_optimum_no_higher_than_any_other_mapping(self):
        examples = SOURCE / "examples"
        arguments = ("--program", PROGRAM, "--workload", examples / "workloads" / "resnet18.onnx",
                     "--accelerator", examples / "accelerators" / "tpu_like.yaml",
                     "--mapping", examples / "mappings" / "tpu_like.yaml",
                     "--layer", "layer4.0.conv1", "--samples", 200)
        texts = self.texts("plot_mapping_space", *arguments)
        for expected in ("200 random mappings", "loma, 8 loops", "proven optimum"):
            self.assertIn(expected, texts)
        done, path = self.run_script("plot_mapping_space", *arguments, output="figure.png")
        for above in re.findall(r"(\S+) % above the optimum", done.stdout):
            self.assertGreaterEqual(float(above), 0)
        self.assert_not_blank(path)

    def test_breakdown_sums_energy_and_cycles_over_the_feasible_layers(self):
        texts = self.texts("plot_breakdown", TWO_LAYERS)
        # conv2 is three times conv1, whose parts are: MAC 64; partial_sum 24; weight_register 18;
        # buffer 120 + 130; dram 300 + 200 + 150; all 1006 pJ and 220 cycles, 100 of them ideal.
        for expected in ("0.256", "0.096", "0.072", "1", "2.6", "4.024 nJ"):
            self.assertIn(expected, texts)
        self.assertIn("880  (45.5% utilised)", texts)
        for part in ("ideal", "spatial stall", "temporal stall", "onloading", "offloading"):
            self.assertIn(part, texts)
        # Nothing in the data is read away from the array but outputs; all four directions occur.
        for direction in ("read, towards the array", "written from below", "read, away from the array",
                          "written from above"):
            self.assertIn(direction, texts)

    def test_breakdown_picks_and_names_layers_and_results(self):
        texts = self.texts("plot_breakdown", "--layer", "conv1", "--label", "first", TWO_LAYERS)
        self.assertIn("1006 pJ", texts)
        self.assertIn("first", texts)
        texts = self.texts("plot_breakdown", "--by-layer", TWO_LAYERS)
        self.assertIn("conv1", texts)
        self.assertIn("conv2", texts)
        self.assertNotIn("conv3", texts)

    def test_breakdown_draws_many_layers_as_one_bar_each(self):
        texts = self.texts("plot_breakdown", "--by-layer", *[TWO_LAYERS] * 4)
        self.assertIn("Memory", texts)
        self.assertEqual(sum("conv2" in text for text in texts), 4)

    def test_breakdown_as_png_is_not_blank(self):
        done, path = self.run_script("plot_breakdown", TWO_LAYERS, output="figure.png")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_not_blank(path)

    def test_the_same_input_gives_the_same_file(self):
        first = self.run_script("plot_breakdown", TWO_LAYERS)[1].read_bytes()
        self.assertEqual(first, self.run_script("plot_breakdown", TWO_LAYERS)[1].read_bytes())

    def test_breakdown_refuses_what_is_no_evaluation(self):
        other = pathlib.Path(self.folder.name) / "other.json"
        other.write_text('{"schema": "ridgeline.schedule/1"}', encoding="utf-8")
        done, path = self.run_script("plot_breakdown", other)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("other.json", done.stderr)
        self.assertIn("ridgeline.evaluation/1", done.stderr)
        self.assertFalse(path.exists())

    def test_what_cannot_be_read_or_written_is_named_in_one_line(self):
        folder = pathlib.Path(self.folder.name)
        (folder / "text.json").write_text("memories: none", encoding="utf-8")
        (folder / "open.yaml").write_text("memories: {a: [", encoding="utf-8")
        accelerator = SOURCE / "examples" / "accelerators" / "tpu_like.yaml"
        for script, source, output, place in (
                ("plot_breakdown", folder / "none.json", "a.svg", "none.json: cannot be read"),
                ("plot_breakdown", folder / "text.json", "a.svg", "text.json: no JSON document"),
                ("plot_breakdown", accelerator, "a.svg", "tpu_like.yaml: no result of `ridgeline evaluate`"),
                ("plot_schedule", accelerator, "a.svg", "tpu_like.yaml: no result of `ridgeline schedule`"),
                ("plot_memory", accelerator, "a.svg", "tpu_like.yaml: no result of `ridgeline schedule`"),
                ("plot_front", accelerator, "a.svg", "tpu_like.yaml: no result of `ridgeline schedule`"),
                ("plot_hierarchy", folder / "none.yaml", "a.svg", "none.yaml: cannot be read"),
                ("plot_hierarchy", folder / "open.yaml", "a.svg", "open.yaml: no YAML document"),
                ("plot_hierarchy", accelerator, "no/folder.svg", "folder.svg: cannot be written"),
                ("plot_hierarchy", accelerator, "figure.xyz", "figure.xyz: ")):
            done, _ = self.run_script(script, source, output=output)
            self.assertEqual(done.returncode, 1)
            self.assertIn(place, done.stderr)
            self.assertNotIn("Traceback", done.stderr)

    def test_schedule_draws_links_of_endless_bandwidth_and_many_layers(self):
        nodes = [{"layer": f"layer{i}", "id": i, "sub_id": 0, "group": 0, "core": i % 2, "start": 5 * i, "end": 5 * i + 5,
                  "energy": 1} for i in range(64)]
        result = {"schema": "ridgeline.schedule/1", "latency": 320, "energy": {"total": 64.0}, "nodes": nodes, "memory": [],
                  "links": [{"from": 0, "to": 1, "bandwidth": None}],
                  "transfers": [{"tensor": "layer0.O[0]", "from": 0, "to": 1, "start": 5, "end": 5, "bits": 8, "energy": 0,
                                 "links": [0]}]}
        path = pathlib.Path(self.folder.name) / "endless.json"
        path.write_text(json.dumps(result), encoding="utf-8")
        texts = self.texts("plot_schedule", path)
        for expected in ("0 to 1", "core 0", "core 1", "layer0", "layer63"):
            self.assertIn(expected, texts)

    def test_memory_names_peak_and_capacity(self):
        result = {"schema": "ridgeline.schedule/1", "latency": 100, "energy": {"total": 1.0}, "transfers": [],
                  "nodes": [{"layer": "a", "id": 0, "sub_id": 0, "group": 0, "core": 0, "start": 0, "end": 100, "energy": 1}],
                  "memory": [{"core": 0, "memory": "near", "capacity": 16384, "peak": 8192, "operands": ["O"],
                              "usage": [[0, 0], [10, 8192]]},
                             {"core": 0, "memory": "far", "capacity": 2**33, "peak": 8192, "operands": ["W"],
                              "usage": [[0, 8192]]}]}
        path = pathlib.Path(self.folder.name) / "memory.json"
        path.write_text(json.dumps(result), encoding="utf-8")
        texts = self.texts("plot_memory", path)
        self.assertEqual((texts.count("peak"), texts.count("capacity")), (2, 1))
        self.assertIn("core 0, near (O): peak 1 KiB of 2 KiB, 50 %", texts)
        self.assertIn("core 0, far (W): peak 1 KiB of 1 GiB, 9.54e-05 %", texts)

    def test_labels_of_a_front_do_not_cover_each_other(self):
        front = [{"latency": 100 + i, "energy": 200 - i, "allocation": [{"cores": [i % 4]}] * 8} for i in range(90)]
        path = pathlib.Path(self.folder.name) / "front.json"
        path.write_text(json.dumps({"schema": "ridgeline.schedule/1", "search": {"front": front, "evaluated": 99}}),
                        encoding="utf-8")
        texts = self.texts("plot_front", path)
        labels = sum(text in {" ".join(str(c) * 8) for c in range(4)} for text in texts)
        self.assertTrue(0 < labels < 90)
        self.assertIn(f"no room for {90 - labels} of 90 labels", texts)

    def test_hierarchy_shows_every_memory_of_the_examples(self):
        for name, memories in (("tpu_like", ["weight_buffer  × 1024", "partial_sum  × 1024", "unified_buffer", "dram"]),
                               ("ascend_like", ["weight_register  × 256", "activation_edge_buffer", "dram  × 4"])):
            texts = self.texts("plot_hierarchy", SOURCE / "examples" / "accelerators" / f"{name}.yaml")
            for memory in memories:
                self.assertIn(memory, texts)
            self.assertTrue(any("1.164 GiB" in text for text in texts))

    def test_hierarchy_as_png_is_not_blank(self):
        done, path = self.run_script("plot_hierarchy", SOURCE / "examples" / "accelerators" / "eyeriss_like.yaml",
                                     output="figure.png")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_not_blank(path)


if __name__ == "__main__":
    unittest.main()
