#!/usr/bin/python3
"""The Python package gives what the program gives, raises what is wrong, and lets itself be interrupted.

Usage: check_python.py SOURCE_DIR RIDGELINE LIBRARY
"""
import array
import copy
import itertools
import json
import math
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

LIBRARY = sys.argv.pop()
PROGRAM = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
os.environ["RIDGELINE_LIBRARY"] = LIBRARY
sys.path.insert(0, str(SOURCE / "python"))
import ridgeline  # noqa: E402

EXAMPLES = SOURCE / "examples"
RESNET = EXAMPLES / "workloads" / "resnet18.onnx"
TPU = EXAMPLES / "accelerators" / "tpu_like.yaml"
TPU_MAPPING = EXAMPLES / "mappings" / "tpu_like.yaml"
CONV = EXAMPLES / "labs" / "conv1.yaml"
MULTICORE = EXAMPLES / "labs" / "multicore"


def program(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments), "--format", "json", "--quiet"], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def without_times(document):
    if isinstance(document, dict):
        return {key: without_times(value) for key, value in document.items() if key != "seconds"}
    return [without_times(item) for item in document] if isinstance(document, list) else document


def rows(table):
    return table.to_dict("records") if hasattr(table, "to_dict") else table.rows()


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class Evaluate(Folder):
    def test_gives_what_the_program_gives(self):
        for options in ({"engine": "loma"}, {"engine": "loma", "objective": "energy", "keep_on_chip": True}):
            flags = [x for name, value in options.items()
                     for x in (["--" + name.replace("_", "-")] if value is True else [f"--{name}", value])]
            there = program("evaluate", "-w", RESNET, "-a", TPU, "-m", TPU_MAPPING, *flags)
            here = ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, **options)
            self.assertEqual(without_times(here.to_dict()), without_times(there))
            self.assertEqual((here.energy, here.latency, here.area),
                             tuple(there["total"][name] for name in ("energy", "latency", "area")))

    def test_shows_each_layer_as_a_row_and_by_itself(self):
        result = ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma")
        table = rows(result.layers)
        self.assertEqual([row["name"] for row in table], result.layer_names)
        self.assertEqual(sum(row["energy.total"] for row in table), result.energy)
        layer = result.layer(result.layer_names[0])
        self.assertAlmostEqual(sum(row["energy"] for row in rows(layer.breakdown)), layer.energy, delta=1e-9 * layer.energy)
        for loop in layer.temporal:
            self.assertIn(f"for {loop['dim']} in 0..{loop['size'] - 1}", layer.loop_nest)
        for page in (result._repr_html_(), layer._repr_html_()):
            self.assertIn(layer.name, page)
        with self.assertRaisesRegex(KeyError, "no layer 'none'"):
            result.layer("none")

    def test_takes_documents_as_they_are(self):
        import yaml
        documents = [yaml.safe_load(path.read_text()) for path in (CONV, TPU, TPU_MAPPING)]
        here = ridgeline.evaluate(*documents, engine="loma")
        there = ridgeline.evaluate(CONV, TPU, TPU_MAPPING, engine="loma")
        self.assertEqual((here.energy, here.latency), (there.energy, there.latency))
        documents[1]["memories"]["dram"]["sise"] = documents[1]["memories"]["dram"].pop("size")
        with self.assertRaises(ridgeline.InputError) as caught:
            ridgeline.evaluate(*documents, engine="loma")
        self.assertEqual(caught.exception.file, "(text)")
        self.assertIn("/memories/dram", caught.exception.place)

    def test_takes_models_in_memory(self):
        import onnx
        model = onnx.load(RESNET, load_external_data=False)
        here = ridgeline.evaluate(model, TPU, TPU_MAPPING, engine="loma")
        self.assertEqual(here.energy, ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma").energy)

    def test_names_file_place_and_remedy_of_what_is_wrong(self):
        bad = self.folder / "bad.yaml"
        bad.write_text(TPU.read_text().replace("sizes: [32, 32]", "sizes: [32, -1]"))
        with self.assertRaises(ridgeline.InputError) as caught:
            ridgeline.evaluate(RESNET, bad, TPU_MAPPING)
        error = caught.exception
        self.assertEqual((error.file, error.place), (str(bad), "/operational_array/sizes/1"))
        self.assertGreater(error.line, 0)
        self.assertTrue(error.message)
        self.assertEqual(pickle.loads(pickle.dumps(error)).place, error.place)

    def test_refuses_options_that_it_does_not_know(self):
        with self.assertRaisesRegex(ridgeline.InputError, "takes no 'enigne'.*engine"):
            ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, enigne="loma")
        with self.assertRaisesRegex(ridgeline.InputError, "takes no 'output'"):
            ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, output="x.json")
        with self.assertRaisesRegex(ridgeline.InputError, "'mixed_spatial' is true or false"):
            ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, mixed_spatial=3)

    def test_raises_what_is_infeasible_with_the_rest(self):
        import yaml
        small = yaml.safe_load(TPU.read_text())
        for memory in small["memories"].values():
            memory["size"] = 8
        with self.assertRaises(ridgeline.Infeasible) as caught:
            ridgeline.evaluate(CONV, small, TPU_MAPPING, engine="loma")
        self.assertTrue(caught.exception.result.infeasible)

    def test_works_in_two_threads_at_once(self):
        expected = ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma").energy
        found = []
        threads = [threading.Thread(target=lambda: found.append(
            ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma", threads=2).energy)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [expected] * 4)

    def test_tells_of_progress_and_passes_on_what_the_caller_raises(self):
        seen = []
        ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma", progress=lambda done, of: seen.append((done, of)))
        self.assertEqual(seen[-1][0], seen[-1][1])

        def stumble(done, of):
            raise ValueError("enough")

        with self.assertRaisesRegex(ValueError, "enough"):
            ridgeline.evaluate(RESNET, TPU, TPU_MAPPING, engine="loma", progress=stumble)

    def test_can_be_pickled_and_copied(self):
        result = ridgeline.evaluate(CONV, TPU, TPU_MAPPING, engine="loma")
        for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
            self.assertEqual(other.to_dict(), result.to_dict())


class Schedule(Folder):
    def scheduled(self, **options):
        return ridgeline.schedule(MULTICORE / "four_convs.yaml", MULTICORE / "system.yaml", MULTICORE / "fused.yaml", **options)

    def test_gives_what_the_program_gives(self):
        there = program("schedule", "-w", MULTICORE / "four_convs.yaml", "-a", MULTICORE / "system.yaml", "-m",
                        MULTICORE / "fused.yaml", "--detail", "full")
        here = self.scheduled(detail="full")
        self.assertEqual(without_times(here.to_dict()), without_times(there))
        self.assertEqual(len(here.nodes), len(there["nodes"]))
        self.assertIn("<svg", here._repr_html_())

    def test_evaluates_an_allocation_again_and_draws_it(self):
        found = self.scheduled()
        again = self.scheduled(allocation=found)
        self.assertEqual((again.latency, again.energy), (found.latency, found.energy))
        trace = self.folder / "trace.json"
        for one in (found, pickle.loads(pickle.dumps(found))):
            one.trace(trace)
            self.assertGreater(len(json.loads(trace.read_text())["traceEvents"]), len(found.nodes))

    def test_costs_many_allocations_through_a_handle(self):
        compiled = ridgeline.CompiledSchedule(MULTICORE / "four_convs.yaml", MULTICORE / "system.yaml",
                                              MULTICORE / "fused.yaml")
        slots = compiled.slots
        found = self.scheduled()
        cores = {(entry["id"], group): core for entry in found.allocation for group, core in enumerate(entry["cores"])}
        row = [cores[slot["id"], slot["group"]] for slot in slots]
        latency, energy, peak = compiled.schedule([row, row[::-1], row])
        self.assertEqual((latency[0], energy[0]), (found.latency, found.energy))
        self.assertEqual((latency[2], energy[2], peak[2]), (latency[0], energy[0], peak[0]))
        out = array.array("d", [0]), array.array("d", [0]), array.array("q", [0])
        self.assertIs(compiled.schedule([row], out=out)[2], out[2])
        self.assertEqual([one[0] for one in out], [latency[0], energy[0], peak[0]])
        with self.assertRaisesRegex(ridgeline.InputError, "core"):
            compiled.schedule([[99] * len(slots)])


class Mapping(unittest.TestCase):
    def test_costs_orderings_as_the_search_does(self):
        result = ridgeline.evaluate(CONV, TPU, TPU_MAPPING, engine="loma")
        layer = result.layer(result.layer_names[0])
        compiled = ridgeline.CompiledMapping(CONV, TPU, TPU_MAPPING)
        best = [(loop["dim"], loop["size"]) for loop in layer.temporal]
        energy, latency = compiled.cost([best, best[:-1], best[::-1]], threads=2)
        self.assertEqual((energy[0], latency[0]), (layer.energy, layer.latency))
        self.assertTrue(math.isnan(energy[1]))
        self.assertGreaterEqual(latency[2], latency[0])
        self.assertEqual(compiled.spatial, layer.spatial)
        with self.assertRaisesRegex(ridgeline.InputError, "no loop 'Z'"):
            compiled.cost([[("Z", 2)]])

    def test_costs_into_arrays_of_the_caller(self):
        compiled = ridgeline.CompiledMapping(CONV, TPU, TPU_MAPPING)
        row = [(place, size) for place, size in enumerate(compiled.temporal.values())]
        dims, sizes = ([[loop[i] for loop in order] for order in (row, row[::-1])] for i in (0, 1))
        expected = compiled.cost_arrays(dims, sizes)
        # Memory of anybody's that has the right shape is read and written where it is.
        arrays = [memoryview(array.array(letter, itertools.chain(*rows))).cast("b").cast(letter, (2, len(row)))
                  for letter, rows in (("i", dims), ("q", sizes))]
        out = array.array("d", [0, 0]), array.array("d", [0, 0])
        found = compiled.cost_arrays(*arrays, out=out)
        self.assertIs(found[0], out[0])
        self.assertEqual([list(one) for one in out], [list(one) for one in expected])
        for wrong in (out[:1], (out[0], array.array("d", [0])), (out[0], array.array("f", [0, 0])),
                      (out[0], bytes(16)), (out[0], [0.0, 0.0])):
            with self.assertRaisesRegex(ridgeline.InputError, "out"):
                compiled.cost_arrays(*arrays, out=wrong)


class Studies(Folder):
    DOCUMENT = {
        "name": "small", "workloads": [str(CONV)], "accelerator": str(TPU), "mapping": str(TPU_MAPPING),
        "parameters": [{"name": "rows", "path": "/operational_array/sizes/0", "values": [8, 16, 32]},
                       {"name": "cols", "path": "/operational_array/sizes/1", "values": [8, 16, 32]}],
        "mapping_search": {"engine": "loma", "objective": "edp"}, "objectives": ["latency", "energy", "area"],
        "strategy": {"kind": "exhaustive"}, "seed": 1}

    def test_are_explored_read_and_reproduced(self):
        path = self.folder / "small.h5"
        said = []
        study = ridgeline.explore(self.DOCUMENT, path, progress=False, note=lambda detail, text: said.append(text))
        self.assertEqual((len(study), study.status), (9, "complete"))
        self.assertTrue(any("complete" in text for text in said), said)
        best = study.best("energy")
        design = study.design(best)
        again = design.evaluate()
        self.assertEqual((again.energy, again.latency, again.area), (best["energy"], best["latency"], best["area"]))
        self.assertEqual(study.design(best.id).id, best.id)
        self.assertEqual(study.candidate(best.id).row, best.row)
        # A row of the table is no id: where it is not one of the front's, that is said.
        others = sorted(set(range(9)) - set(study.design_ids()))
        if others:
            with self.assertRaisesRegex(ridgeline.ResultError, "is not kept"):
                study.design(others[0])
        # A second study of the same name is in the way of the first.
        with self.assertRaises(ridgeline.RidgelineError):
            ridgeline.explore({**self.DOCUMENT, "seed": 2}, path, progress=False)

    def test_ask_and_tell_gives_the_study_s_own_figures(self):
        space = ridgeline.Space(self.DOCUMENT)
        points = [{"rows": rows, "cols": cols} for rows in (8, 16, 32) for cols in (8, 16, 32)]
        costs = space.evaluate(points)
        study = ridgeline.explore(self.DOCUMENT, self.folder / "small.h5", progress=False, no_prune=True)
        for row in rows(study.candidates()):
            self.assertEqual((costs[row["id"]]["latency"], costs[row["id"]]["energy"]), (row["latency"], row["energy"]))
        self.assertEqual([cost.id for cost in costs], list(range(9)))
        self.assertEqual(space.sample(5, seed=3), space.sample(5, seed=3))
        self.assertEqual(len(space.table(points, costs)), 9)
        self.assertIn("accelerator", space.design(4))
        for wrong, message in (({"rows": 8}, "the point has no cols"), ({"rows": 9, "cols": 8}, "9 is no value of rows"),
                               ([0, 3], "cols has no value 3"), ({"rows": 8, "cols": 8, "x": 1}, "no parameter 'x'")):
            with self.assertRaisesRegex(ridgeline.InputError, message):
                space.evaluate([wrong])


class Interrupts(Folder):
    """Ctrl-C ends a long call within a second, and the next one works."""

    SCRIPT = """
import sys, time
sys.path.insert(0, {package!r})
import ridgeline
try:
    print("begun", flush=True)
    {call}
    print("ended by itself")
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print(ridgeline.check({again!r}), flush=True)
"""

    def interrupted(self, call, begun=lambda: time.sleep(1.5)):
        """Seconds from Ctrl-C to the prompt; the best of three, as the machine may be at something else."""
        took = [self.once(call, begun)]
        while took[-1] >= 1 and len(took) < 3:
            took.append(self.once(call, begun))
        return min(took)

    def once(self, call, begun):
        # The standard error goes to a file: `communicate` reads the pipe itself and so loses what a
        # `readline` before it took in beyond its line.
        script = self.SCRIPT.format(package=str(SOURCE / "python"), call=call, again=str(TPU))
        with open(self.folder / "stderr", "w+") as errors:
            process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=errors,
                                       text=True, cwd=self.folder)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.kill)
            self.assertEqual(process.stdout.readline(), "begun\n")
            begun()
            process.send_signal(signal.SIGINT)
            asked = time.monotonic()
            line = process.stdout.readline()
            took = time.monotonic() - asked
            out = process.stdout.read()
            process.wait(timeout=60)
            errors.seek(0)
            err = errors.read()
        self.assertEqual(line, "interrupted\n", err)
        self.assertIn("accelerator", out, err)
        return took

    def test_of_a_genetic_algorithm(self):
        call = (f"ridgeline.schedule({str(EXAMPLES / 'workloads/mobilenetv2.onnx')!r}, "
                f"{str(EXAMPLES / 'labs/lab4/system.yaml')!r}, {str(EXAMPLES / 'labs/lab4/resnet18.yaml')!r}, "
                "mode='layer-by-layer', search='ga', population=100000, generations=100000)")
        self.assertLess(self.interrupted(call), 1)

    def test_of_an_exact_search(self):
        # A product that takes the better part of a minute to prove.
        workload = [{"id": 0, "operator_type": "Gemm", "equation": "O[d][k]+=I[d][c]*W[c][k]",
                     "loop_dims": ["D", "C", "K"], "loop_sizes": [16384, 16384, 16384],
                     "operand_precision": {"W": 8, "I": 8, "O": 16, "O_final": 8},
                     "operand_source": {"W": 0, "I": 0}}]
        call = (f"ridgeline.evaluate({workload!r}, {str(EXAMPLES / 'accelerators/tesla_npu_like.yaml')!r}, "
                f"{str(EXAMPLES / 'mappings/tesla_npu_like.yaml')!r}, objective='edp', node_limit=2000000000)")
        self.assertLess(self.interrupted(call), 1)

    def test_of_a_study(self):
        values = {"from": 1, "to": 20, "step": 1}
        document = {**Studies.DOCUMENT, "parameters": [
            {"name": "rows", "path": "/memories/weight_buffer/r_cost", "values": values},
            {"name": "cols", "path": "/memories/weight_buffer/w_cost", "values": values}]}
        call = f"ridgeline.explore({document!r}, 'study.h5', progress=False, no_prune=True, force=True)"

        def journals():
            return sum(path.stat().st_size for path in (self.folder / "study.h5.d").glob("*.journal"))

        def begun():
            end = time.monotonic() + 30
            while journals() < 2000 and time.monotonic() < end:
                time.sleep(0.02)

        self.assertLess(self.interrupted(call, begun), 1)
        # What was evaluated is in its journals, and the study goes on from there.
        self.assertGreaterEqual(journals(), 2000)
        self.assertFalse((self.folder / "study.h5").exists() and
                         ridgeline.Study(self.folder / "study.h5").status == "complete")
        study = ridgeline.explore(document, self.folder / "study.h5", progress=False, no_prune=True, resume=True)
        self.assertEqual(study.status, "complete")
        whole = ridgeline.explore(document, self.folder / "whole.h5", progress=False, no_prune=True)
        self.assertEqual(rows(study.candidates()), rows(whole.candidates()))
        self.assertEqual(rows(study.front()), rows(whole.front()))


if __name__ == "__main__":
    unittest.main()
