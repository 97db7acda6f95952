#!/usr/bin/python3
"""ZigZag's and Stream's own calls give the references' figures and shapes.

Usage: check_compat.py SOURCE_DIR REFERENCE_DIR LIBRARY
What needs the references' inputs and figures is left out where REFERENCE_DIR is absent.
"""
import inspect
import json
import math
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import unittest

LIBRARY = sys.argv.pop()
REFERENCE = pathlib.Path(sys.argv.pop())
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
os.environ["RIDGELINE_LIBRARY"] = LIBRARY
sys.path.insert(0, str(SOURCE / "python"))
import ridgeline  # noqa: E402
from ridgeline.compat.stream import utils  # noqa: E402
from ridgeline.compat.stream.api import optimize_allocation_co, optimize_allocation_ga  # noqa: E402
from ridgeline.compat.stream.visualization.perfetto import convert_scme_to_perfetto_json  # noqa: E402
from ridgeline.compat.zigzag.api import get_hardware_performance_zigzag  # noqa: E402

EXAMPLES = SOURCE / "examples"
needs_reference = unittest.skipUnless((REFERENCE / "golden").is_dir(), "there are no reference files")


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def zigzag(self, workload=EXAMPLES / "workloads" / "resnet18.onnx", name="tpu_like", **options):
        return get_hardware_performance_zigzag(
            str(workload), str(EXAMPLES / "accelerators" / f"{name}.yaml"), str(EXAMPLES / "mappings" / f"{name}.yaml"),
            **{"dump_folder": str(self.folder / "dump"), "loma_show_progress_bar": False, "lpf_limit": 4, **options})


class ZigZag(Folder):
    def test_gives_energy_latency_and_evaluations(self):
        energy, latency, cmes = self.zigzag(opt="latency")
        total, layers = cmes[0][0], [cme for cme, _ in cmes[0][1]]
        self.assertEqual((energy, latency), (total.energy_total, total.latency_total2))
        self.assertTrue(math.isclose(sum(cme.energy_total for cme in layers), energy, rel_tol=1e-12))
        self.assertTrue(math.isclose(sum(cme.latency_total2 for cme in layers), latency, rel_tol=1e-12))
        for cme in layers:
            self.assertLessEqual(cme.ideal_cycle, cme.ideal_temporal_cycle)
            self.assertLessEqual(cme.latency_total0, cme.latency_total1)
            self.assertLessEqual(cme.latency_total1, cme.latency_total2)
            self.assertTrue(math.isclose(cme.mac_energy + cme.mem_energy, cme.energy_total, rel_tol=1e-12))
            self.assertEqual(set(cme.mem_energy_breakdown), set(cme.layer.layer_operands))
            product = math.prod(n for level in cme.temporal_mapping["O"] for _, n in level)
            self.assertEqual(product, math.prod(size for _, size in cme.loop_order))
            self.assertEqual(cme.layer.layer_dim_sizes["K"], cme.layer.layer_dim_sizes.data["K"])
        self.assertEqual(layers[0].accelerator.name, "tpu_like")

    def test_tells_of_ports_and_bandwidths(self):
        _, _, cmes = self.zigzag()
        for cme, _ in cmes[0][1]:
            balance = cme.stall_slack_comb_collect
            self.assertEqual([list(ports) for ports in balance],
                             [[port["name"] for port in level.memory_instance.ports]
                              for level in cme.accelerator.memory_hierarchy])
            worst = max(stall for ports in balance for stall in ports.values())
            self.assertEqual(max(worst, 0), cme.stall_slack_comb)
            self.assertEqual(cme.systolic_drain_cycle, 0)
            for level in cme.accelerator.memory_hierarchy:
                whole = cme.get_total_inst_bandwidth(level)
                self.assertEqual(whole, cme.get_inst_bandwidth(level, 1))
                parts = [cme.get_inst_bandwidth(level, memory_operand=operand) for operand in level.operands]
                self.assertEqual(list(whole), [sum(part) for part in zip(*parts)])
                twice = cme.get_inst_bandwidth(level, 2)
                self.assertTrue(all(a <= b <= 2 * a for a, b in zip(whole, twice)), (level, whole, twice))
            # The outermost memory feeds the layer, at the width of its ports at most while nothing waits.
            self.assertGreater(sum(cme.get_inst_bandwidth(cme.accelerator.memory_hierarchy[-1])), 0)

    def test_systolic_arrays_drain(self):
        text = (EXAMPLES / "accelerators/tpu_like.yaml").read_text()
        systolic = self.folder / "systolic.yaml"
        systolic.write_text(text.replace("operational_array:\n", "operational_array:\n  systolic_dimensions: [D1, D2]\n", 1))
        self.assertNotEqual(systolic.read_text(), text)
        _, _, plain = self.zigzag()
        _, _, late = get_hardware_performance_zigzag(
            str(EXAMPLES / "workloads/resnet18.onnx"), str(systolic), str(EXAMPLES / "mappings/tpu_like.yaml"),
            dump_folder=str(self.folder), loma_show_progress_bar=False, lpf_limit=4)
        for (cme, _), (other, _) in zip(plain[0][1], late[0][1]):
            self.assertEqual(other.latency_total2, cme.latency_total2 + other.systolic_drain_cycle)
            self.assertEqual((other.energy_total, other.latency_total0), (cme.energy_total, cme.latency_total0))
        # 64 output channels on 32 rows, 3 input channels on the columns.
        self.assertEqual(late[0][1][0][0].systolic_drain_cycle, 31 + 2)

    def test_dumps_and_pickles_each_layer(self):
        _, _, cmes = self.zigzag(pickle_filename=str(self.folder / "all.pickle"))
        names = {cme.layer.name for cme, _ in cmes[0][1]}
        written = {path.name for path in (self.folder / "dump").iterdir()}
        self.assertEqual(written, {f"{name}_complete.json".replace("/", "_") for name in names} |
                         {"overall_simple.json", "loop_ordering.txt"})
        with open(self.folder / "all.pickle", "rb") as file:
            kept = pickle.load(file)
        self.assertEqual([cme.energy_total for cme in kept], [cme.energy_total for cme, _ in cmes[0][1]])

    def test_adds_and_multiplies_evaluations(self):
        _, _, cmes = self.zigzag()
        a, b = cmes[0][1][0][0], cmes[0][1][1][0]
        both = a + b
        self.assertEqual(both.energy_total, a.energy_total + b.energy_total)
        self.assertEqual(both.latency_total2, a.latency_total2 + b.latency_total2)
        self.assertEqual(both.mem_energy_breakdown["W"][0], a.mem_energy_breakdown["W"][0] + b.mem_energy_breakdown["W"][0])
        self.assertEqual((a * 3).energy_total, 3 * a.energy_total)
        self.assertEqual((a * 3).mac_spatial_utilization, a.mac_spatial_utilization)
        self.assertEqual(sum([a, b]).energy_total, both.energy_total)
        self.assertEqual(pickle.loads(pickle.dumps(both)).latency_total2, both.latency_total2)

    def test_names_what_is_not_supported(self):
        for options, name in (({"opt": "power"}, "opt='power'"), ({"temporal_mapping_type": "odd"}, "temporal_mapping_type='odd'"),
                              ({"temporal_mapping_search_engine": "best"}, "temporal_mapping_search_engine='best'"),
                              ({"in_memory_compute": True}, "in_memory_compute=True")):
            with self.assertRaisesRegex(NotImplementedError, name):
                self.zigzag(**options)
        with self.assertRaises(TypeError):
            self.zigzag(unheard_of=1)

    def test_has_the_signature_of_the_reference(self):
        parameters = inspect.signature(get_hardware_performance_zigzag).parameters
        self.assertEqual(list(parameters)[:3], ["workload", "accelerator", "mapping"])
        self.assertEqual({name: p.default for name, p in parameters.items() if p.kind == p.KEYWORD_ONLY and name != "dump_folder"}, {
            "temporal_mapping_search_engine": "loma", "temporal_mapping_type": "uneven", "opt": "latency",
            "pickle_filename": None, "lpf_limit": 6, "nb_spatial_mappings_generated": 3, "in_memory_compute": False,
            "exploit_data_locality": False, "enable_mix_spatial_mapping": False, "loma_show_progress_bar": True})

    @needs_reference
    def test_dump_has_the_reference_s_keys(self):
        golden = json.loads((REFERENCE / "golden" / "zigzag_dump" / "conv1_complete.json").read_text())
        _, _, cmes = self.zigzag(EXAMPLES / "labs" / "conv1.yaml")
        path = next((self.folder / "dump").glob("*_complete.json"))

        def keys(value, place=""):
            if isinstance(value, dict):
                return {key for name, item in value.items() for key in keys(item, f"{place}/{name}")}
            return {place}

        # Sizes, operands and array dimensions are the inputs' own.
        own = ("/inputs/layer/loop_dimensions", "/inputs/accelerator/operational_array/dimensions",
               "/inputs/layer/user_spatial_mapping", "/inputs/accelerator/mem_")

        def common(document):
            return {key for key in keys(document) if not key.startswith(own)}

        self.assertEqual(common(json.loads(path.read_text())), common(golden))
        text = (self.folder / "dump" / "loop_ordering.txt").read_text().splitlines()
        reference = (REFERENCE / "golden" / "zigzag_dump" / "loop_ordering.txt").read_text().splitlines()
        self.assertEqual(text[1:4], reference[1:4])


class Stream(Folder):
    def labs(self):
        folder = EXAMPLES / "labs" / "multicore"
        return str(folder / "system.yaml"), str(folder / "four_convs.yaml"), folder

    def test_schedules_fixed_and_searched_allocations(self):
        system, workload, folder = self.labs()
        fixed = optimize_allocation_co(system, workload, str(folder / "one_layer_a_core.yaml"), "lbl", None, "fixed",
                                       str(self.folder))
        searched = optimize_allocation_ga(system, workload, str(folder / "fused.yaml"), "fused", None, 4, 8, "ga",
                                          str(self.folder))
        for scme in (fixed, searched):
            parts = [getattr(scme, name) for name in dir(type(scme)) if name.startswith("total_") and name.endswith("_energy")]
            self.assertEqual(len(parts), 9)
            self.assertTrue(math.isclose(sum(parts), scme.energy, rel_tol=1e-12))
            self.assertEqual(len(scme.scheduling_order), scme.workload.number_of_nodes())
            self.assertEqual(max(node.end for node in scme.workload.nodes) <= scme.latency, True)
        again = optimize_allocation_ga("none", "none", "none", "fused", None, 1, 2, "ga", str(self.folder), skip_if_exists=True)
        self.assertEqual((again.latency, again.energy), (searched.latency, searched.energy))
        trace = self.folder / "trace.json"
        convert_scme_to_perfetto_json(searched, utils.CostModelEvaluationLUT("lut.pickle"), str(trace))
        self.assertTrue(json.loads(trace.read_text())["traceEvents"])

    def test_labs_run_as_a_script(self):
        script = EXAMPLES / "labs/multicore/as_stream.py"
        done = subprocess.run([sys.executable, str(script), str(self.folder)], capture_output=True, text=True, check=False,
                              env={**os.environ, "PYTHONPATH": str(SOURCE / "python")})
        self.assertEqual(done.returncode, 0, done.stderr)
        said = dict(line.split(":", 1) for line in done.stdout.splitlines() if line.startswith(("one", "slices", "ga")))
        self.assertEqual(list(said), ["one_layer_a_core", "slices", "one_layer_a_core_fused", "ga_lbl", "ga_fused"])
        system, workload, folder = self.labs()
        for name, mapping, mode in (("one_layer_a_core", "one_layer_a_core", "layer-by-layer"),
                                    ("one_layer_a_core_fused", "one_layer_a_core", "fused"), ("slices", "slices", "layer-by-layer")):
            own = ridgeline.schedule(workload, system, folder / f"{mapping}.yaml", mode=mode)
            self.assertEqual(said[name].strip(), f"latency {own.latency:g} cycles, energy {own.energy:g} pJ")

    def test_pictures_show_one_section(self):
        system, workload, folder = self.labs()
        scme = optimize_allocation_co(system, workload, str(folder / "one_layer_a_core.yaml"), "fused", None, "x", str(self.folder))
        for name, options in (("whole", {}), ("part", {"section_start_percent": (50,), "percent_shown": (20,)}),
                              ("bare", {"draw_dependencies": False}), ("full", {"plot_data_transfer": True})):
            scme.plot_schedule(fig_path=str(self.folder / f"{name}.svg"), **options)
        pictures = {path.stem: path.stat().st_size for path in self.folder.glob("*.svg")}
        self.assertEqual(len(set(pictures.values())), 4, pictures)
        with self.assertRaisesRegex(NotImplementedError, "percent_shown"):
            scme.plot_schedule(percent_shown=(10, 20))

    def test_names_what_is_not_supported(self):
        system, workload, folder = self.labs()
        with self.assertRaisesRegex(NotImplementedError, "mode='both'"):
            optimize_allocation_ga(system, workload, "m", "both", None, 1, 2, "x", str(self.folder))
        with self.assertRaisesRegex(NotImplementedError, "mapping=.*choice of cores"):
            optimize_allocation_co(system, workload, str(folder / "fused.yaml"), "fused", None, "x", str(self.folder))
        with self.assertRaisesRegex(NotImplementedError, "optimize_mapping"):
            from ridgeline.compat.stream.api import optimize_mapping  # noqa: F401

    @needs_reference
    def test_fixed_allocations_cost_what_the_reference_says(self):
        inputs = REFERENCE / "inputs" / "stream"
        compared = 0
        for path in sorted((REFERENCE / "golden" / "stream").glob("lab*.json")):
            golden = json.loads(path.read_text())
            schedule = golden["schedules"][0]
            if not golden["fixed_by_mapping"] or schedule["options"]["operands_to_prefetch"]:
                continue
            if golden["settings"]["loma_lpf_limit"] != 6 or golden["settings"]["layer_stacks_requested"]:
                continue
            files = [str(inputs / golden["inputs"][kind]) for kind in ("hardware", "workload", "mapping")]
            scme = optimize_allocation_co(*files, golden["settings"]["mode"], None, path.stem, str(self.folder))
            self.assertTrue(math.isclose(scme.latency, schedule["latency"], rel_tol=1e-12), path.name)
            self.assertTrue(math.isclose(scme.energy, schedule["energy"], rel_tol=1e-9), path.name)
            for name, value in schedule["energy_components"].items():
                self.assertTrue(math.isclose(getattr(scme, name), value, rel_tol=1e-9, abs_tol=1e-6), (path.name, name))
            compared += 1
        self.assertGreater(compared, 0)


@needs_reference
class Regression(Folder):
    """Figures of the reference's own searches, one a layer."""

    def test_best_mappings_of_single_layers(self):
        compared = 0
        for path in sorted((REFERENCE / "golden" / "best_mapping").glob("*.json")):
            for record in json.loads(path.read_text())[:4]:
                with self.subTest(record["record_id"]):
                    compared += self.compare(record)
        self.assertGreater(compared, 0)

    def compare(self, record):
        layer, options = record["layer"], record["options"]
        if layer["workload"] == "synthetic" or options["exploit_data_locality"]:
            return 0
        inputs = REFERENCE / "inputs"
        workload = inputs / "workload" / layer["workload"]
        accelerator = inputs / "hardware" / record["accelerator"]["file"]
        mapping = inputs / "mapping" / record["mapping_file"]
        if not (workload.is_file() and mapping.is_file()):
            return 0
        for opt, best in record["best"].items():
            _, _, cmes = get_hardware_performance_zigzag(
                str(workload), str(accelerator), str(mapping), opt=opt, lpf_limit=options["lpf_limit"],
                nb_spatial_mappings_generated=options["nb_spatial_mappings_generated"],
                enable_mix_spatial_mapping=options["enable_mix_spatial_mapping"],
                temporal_mapping_type=options["temporal_mapping_type"], dump_folder=str(self.folder / "dump"),
                loma_show_progress_bar=False)
            found = next(cme for cme, _ in cmes[0][1] if cme.layer.name == layer["name"])
            self.assertTrue(math.isclose(found.energy_total, best["energy_total"], rel_tol=1e-9), opt)
            self.assertTrue(math.isclose(found.latency_total2, best["latency_total2"], rel_tol=1e-9), opt)
        return 1


if __name__ == "__main__":
    unittest.main()
