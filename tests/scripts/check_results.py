#!/usr/bin/python3
"""The reader, the plots and the page of study files say what is in the file.

Usage: check_results.py SOURCE_DIR RIDGELINE
The study files are written here with h5py, after docs/study-file.md and without the project's own code; RIDGELINE is
the program, whose report of the same file must agree. Exit code 77 (skipped) where no Chromium is installed and
the rest is fine.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

RIDGELINE = pathlib.Path(sys.argv.pop()).resolve()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
sys.path[:0] = [str(SOURCE / "python"), str(SOURCE / "tests" / "scripts")]
import browser  # noqa: E402
from ridgeline.study import ResultError, Study  # noqa: E402

TEXT = h5py.string_dtype()
NAN = float("nan")
# rows (2) x l1 (3). Latency and area: ids 0, 1, 4 and 5 are ok; 1 is dominated by 0.
IDS = [0, 1, 2, 3, 4, 5]
STATUS = [0, 0, 1, 2, 0, 0]
LATENCY = [100.0, 110.0, NAN, NAN, 60.0, 40.0]
AREA = [1.0, 2.0, NAN, NAN, 1.5, 4.0]
FRONT = [5, 4, 0]
# Evaluations as `explore` keeps them, one a workload; design 0 has one as `ridgeline evaluate --format json` writes it.
LAYERS = [{"workload": "net", "layers": [
    {"name": "conv1", "energy": 30.0, "latency": 10.0, "utilization": 0.5, "mapping": {"temporal": [{"dim": "K", "size": 4}]}},
    {"name": "fc </script>", "energy": 10.0, "latency": 30.0, "utilization": 0.25}]}]
DETAILED = {"layers": [{"name": "detailed", "energy": {"total": 30.0}, "latency": {"total": 10.0}, "utilization": {"overall": 0.125}}]}
# On a multi-core system: a result of `ridgeline schedule` for each workload.
SCHEDULED = [{"schema": "ridgeline.schedule/1", "workload": "net", "mode": "fused", "latency": 60,
              "energy": {"total": 40.0, "compute": 10.0, "memory": 30.0, "link": 0.0},
              "allocation": [{"layer": "conv1", "id": 0, "cores": [2, 5]}]}]


def write_study(path, **changes):
    with h5py.File(path, "w") as file:
        attributes = {"format": "ridgeline-study", "ridgeline_version": "0.1.0", "study": '{"name": "small <b>study</b>"}',
                      "inputs_sha256": "0" * 64, "command": "ridgeline explore small.yaml", "host": "node01",
                      "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:01:00Z", "status": "complete"}
        attributes.update(changes)
        for name, value in attributes.items():
            file.attrs[name] = value
        for name, value in {"format_version": 1, "ranks": 2, "threads": 3}.items():
            file.attrs[name] = np.int32(changes.get(name, value))
        file.attrs["seed"] = np.uint64(42)
        file.create_group("notes").attrs["pruned_by_area"] = "1"
        candidates = file.create_group("candidates")
        candidates["id"] = np.array(IDS, np.uint64)
        kind = h5py.enum_dtype({"ok": 0, "infeasible": 1, "pruned": 2, "error": 3}, np.uint8)
        candidates.create_dataset("status", data=np.array(STATUS, np.uint8), dtype=kind)
        for order, (name, labels, stride) in enumerate([("rows", ["8", "16"], 3), ("l1", ["32K", "64K", "128K"], 1)]):
            column = candidates.create_dataset(f"parameters/{name}", data=np.array(IDS, np.uint32) // stride % len(labels))
            column.attrs["labels"] = np.array(labels, dtype=TEXT)
            column.attrs["order"] = np.int32(order)
        for order, (name, unit, values) in enumerate([("latency", "cycles", LATENCY), ("area", "", AREA)]):
            column = candidates.create_dataset(f"objectives/{name}", data=np.array(values))
            column.attrs["unit"] = unit
            column.attrs["goal"] = "min"
            column.attrs["order"] = np.int32(order)
        candidates.create_dataset("message", data=np.array(["", "", "area 13.5 > 12", "", "", ""], dtype=TEXT), dtype=TEXT)
        file["pareto/candidate"] = np.array(FRONT, np.uint64)
        for row in FRONT:
            file[f"designs/{IDS[row]}/accelerator"] = json.dumps({"name": f"chip {IDS[row]}"})
            file[f"designs/{IDS[row]}/schedule"] = json.dumps({0: DETAILED, 4: SCHEDULED}.get(IDS[row], LAYERS))
        for name, values in {"seconds": [1.0, 2.0, 3.0], "hypervolume": [NAN, 10.0, 30.0], "gap": [NAN, 0.5, 0.0]}.items():
            file[f"convergence/{name}"] = np.array(values)
        for name, values in {"evaluated": [2, 4, 6], "front_size": [1, 2, 3]}.items():
            file[f"convergence/{name}"] = np.array(values, np.uint64)


class Results(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name)
        cls.study = cls.path / "study.h5"
        write_study(cls.study)


class Reader(Results):
    def test_gives_candidates_front_and_convergence(self):
        with Study(self.study) as study:
            self.assertEqual(len(study), 6)
            self.assertEqual(study.name, "small <b>study</b>")
            self.assertEqual(study.notes, {"pruned_by_area": "1"})
            candidates = study.candidates()
            self.assertEqual(list(candidates["rows"]), [8, 8, 8, 16, 16, 16])
            self.assertEqual(list(candidates["l1"]), ["32K", "64K", "128K"] * 2)
            self.assertEqual(list(candidates["status"]), ["ok", "ok", "infeasible", "pruned", "ok", "ok"])
            self.assertEqual(candidates["message"][2], "area 13.5 > 12")
            np.testing.assert_array_equal(candidates["latency"], LATENCY)
            front = study.front()
            self.assertEqual(list(front["id"]), [5, 4, 0])
            self.assertEqual(list(front["area"]), [4.0, 1.5, 1.0])
            self.assertEqual(list(study.convergence()["front_size"]), [1, 2, 3])
            self.assertEqual(study.design_ids(), [0, 4, 5])
            self.assertEqual(study.design(4)["accelerator"], {"name": "chip 4"})

    def test_cannot_mix_up_rows_and_ids(self):
        with Study(self.study) as study:
            # Candidate 5 is the best in latency; as a row it says its id, and is no number.
            best = study.best("latency")
            self.assertEqual((best.id, best.row, best["latency"], best["l1"]), (5, 5, 40.0, "128K"))
            self.assertEqual(study.design(best).id, 5)
            with self.assertRaises(IndexError):
                study.ids()[best]
            with self.assertRaises(TypeError):
                int(best)
            self.assertEqual(study.knee().id, study.design(study.knee()).id)
            with self.assertRaisesRegex(KeyError, "no objective 'speed'"):
                study.best("speed")

    def test_opens_a_study_that_still_runs(self):
        folder = self.path / "running.h5.d"
        folder.mkdir()
        write_study(folder / "run-1.rank-0.snapshot.h5", status="stopped")
        with Study(self.path / "running.h5") as study:
            self.assertTrue(study.running)
            self.assertEqual(list(study.front()["id"]), FRONT)
        with self.assertRaisesRegex(ResultError, "there is no such study"):
            Study(self.path / "nothing.h5")

    def test_does_without_pandas(self):
        code = ("import sys; sys.modules['pandas'] = None; sys.path.insert(0, sys.argv[1]); from ridgeline import Study; "
                "t = Study(sys.argv[2]).candidates(); print(type(t).__name__, len(t), list(t['rows']))")
        done = subprocess.run([sys.executable, "-c", code, SOURCE / "python", self.study], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split(" ", 2), ["Table", "6", "[8, 8, 8, 16, 16, 16]\n"])

    def test_refuses_what_it_does_not_know(self):
        later = self.path / "later.h5"
        write_study(later, format_version=9)
        with self.assertRaisesRegex(ResultError, "format version 9 is not known"):
            Study(later)
        other = self.path / "other.h5"
        h5py.File(other, "w").close()
        with self.assertRaisesRegex(ResultError, "no study file"):
            Study(other)
        (self.path / "text.h5").write_text("text")
        with self.assertRaisesRegex(ResultError, "cannot be read as HDF5"):
            Study(self.path / "text.h5")
        with Study(self.study) as study, self.assertRaisesRegex(ResultError, "design 1 is not kept; those are: 0, 4, 5"):
            study.design(1)

    def test_and_the_program_agree(self):
        done = subprocess.run([RIDGELINE, "report", self.study, "--format", "json", "--top", "0"], capture_output=True, text=True, check=True)
        report = json.loads(done.stdout)
        with Study(self.study) as study:
            self.assertEqual([d["id"] for d in report["front"]], list(study.front()["id"]))
            self.assertEqual(report["knee"]["id"], study.knee().id)
            self.assertEqual([d["id"] for d in report["best"].values()], [candidate.id for candidate in study.best().values()])
            for objective, by_parameter in study.sensitivity().items():
                for parameter, (explained, best, spread) in by_parameter.items():
                    other = report["sensitivity"][objective][parameter]
                    self.assertAlmostEqual(other["explained"], explained, places=12)
                    self.assertAlmostEqual(other["spread"], spread, places=12)
                    self.assertEqual(other["best_value"], best)


class Plot(Results):
    def run_script(self, *arguments):
        return subprocess.run([SOURCE / "scripts" / "plot_pareto", *arguments], capture_output=True, text=True, check=False)

    def test_draws_every_pair_and_the_convergence(self):
        figure = self.path / "pareto.svg"
        done = self.run_script("-o", figure, self.study)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = figure.read_text(encoding="utf-8")
        for expected in ("latency (cycles)", ">area<", "knee (id 4)", "3 of 4 feasible designs on the front", "hypervolume"):
            self.assertIn(expected, text)

    def test_colours_by_a_parameter(self):
        figure = self.path / "rows.svg"
        done = self.run_script("-o", figure, "--x", "area", "--y", "latency", "--colour", "rows", self.study)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("rows = 16", figure.read_text(encoding="utf-8"))
        self.assertNotIn("hypervolume", figure.read_text(encoding="utf-8"))

    def test_tells_what_is_wrong(self):
        done = self.run_script("--x", "area", "--y", "power", self.study)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no objective 'power' (known: latency, area)", done.stderr)
        self.assertNotIn("Traceback", self.run_script(self.path / "none.h5").stderr)


@unittest.skipUnless(browser.available(), "no chromium with chromedriver is installed")
class Page(Results):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.page = cls.path / "study.html"
        subprocess.run([SOURCE / "scripts" / "report_html", cls.study, "-o", cls.page], check=True)
        cls.browser = browser.Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.open(self.page)
        self.browser.wait_for("document.body.dataset.ready === 'yes'")

    def details(self):
        return self.browser.run("return document.getElementById('details').innerText")

    def test_loads_nothing_and_says_nothing_on_the_console(self):
        self.assertEqual(self.browser.messages(), [])
        self.assertEqual(self.browser.run("return performance.getEntriesByType('resource').map(e => e.name)"), [])
        self.assertNotIn("<b>study</b>", self.browser.run("return document.getElementById('title').innerHTML"))

    def test_shows_the_front_and_what_is_dominated(self):
        points = self.browser.run("return document.getElementById('scatter').data.map(t => [t.customdata || [], t.x, t.y])")
        self.assertEqual(points[0], [[1], [110], [2]])
        self.assertEqual(points[1], [[5, 4, 0], [40, 60, 100], [4, 1.5, 1]])
        tiles = self.browser.run("return document.getElementById('tiles').innerText").split()
        self.assertEqual(tiles[:2], ["6", "candidates"])
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('#front tbody tr')].map(r => r.dataset.id)"), ["5", "4", "0"])
        self.assertEqual(self.browser.run("return document.querySelectorAll('#parallel .line').length"), 3)
        self.assertIn("area N > N", self.browser.run("return document.getElementById('reasons').innerText"))
        self.assertEqual(self.browser.run("return document.getElementById('convergence').data[0].y"), [None, 10, 30])

    def test_begins_at_the_knee_and_shows_the_design_that_is_clicked(self):
        self.assertIn("Design 4", self.details())
        self.assertIn("knee", self.details())
        for text in ("SCHEDULE OF NET", "fused", "60 cycles", "30 pJ", "75 %", "conv1", "2, 5"):
            self.assertIn(text, self.details())
        # The first point of the front, by a real click on its marker.
        where = self.browser.run("""
            const point = document.querySelectorAll('#scatter .scatterlayer .trace')[1].querySelectorAll('path.point')[0];
            const box = point.getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2]""")
        self.browser.click(*where)
        self.browser.wait_for("document.getElementById('design').innerText === 'Design 5'")
        details = self.details()
        self.assertIn("best latency", details)
        self.assertIn("128K", details)
        self.assertIn("×4 of best", details)  # its area, 4, beside 1
        for layer in ("LAYERS OF NET", "conv1", "fc </script>", "25 %"):
            self.assertIn(layer, details)
        self.browser.run("document.querySelector('#details summary').click()")
        self.assertIn("chip 5", self.details())

    def test_a_row_and_a_line_can_be_clicked_too(self):
        self.browser.run("document.querySelector('#front tr[data-id=\"0\"]').click()")
        self.assertIn("Design 0", self.details())
        self.assertIn("detailed", self.details())
        self.assertIn("13 %", self.details())
        self.assertEqual(self.browser.run("return document.querySelector('#parallel .selected').dataset.id"), "0")
        self.browser.run("document.querySelector('#parallel .line[data-id=\"5\"]').dispatchEvent(new MouseEvent('click'))")
        self.assertIn("Design 5", self.details())

    def test_a_range_on_an_axis_fades_what_is_outside(self):
        box = self.browser.run("const a = document.querySelector('#parallel [data-axis=latency]'); a.scrollIntoView({block: 'center'});"
                               "const b = a.getBoundingClientRect(); return [b.left + b.width / 2, b.top, b.height]")
        x, top, height = box
        # The lower part of the axis: the two fast designs.
        self.browser.drag([(x, top + 0.6 * height), (x, top + 0.8 * height), (x, top + height - 1)])
        self.browser.wait_for("document.getElementById('kept').innerText.startsWith('2 of 3')")
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('#front tr.faded')].map(r => r.dataset.id)"), ["0"])
        self.browser.run("document.getElementById('clear').click()")
        self.assertEqual(self.browser.run("return document.querySelectorAll('.faded').length"), 0)

    def test_sorts_the_table_and_changes_axes_and_theme(self):
        self.browser.run("document.querySelectorAll('#front th')[4].click()")  # area
        self.assertEqual(self.browser.run("return [...document.querySelectorAll('#front tbody tr')].map(r => r.dataset.id)"), ["0", "4", "5"])
        self.browser.run("const x = document.getElementById('x'); x.value = '1'; x.onchange()")
        self.assertEqual(self.browser.run("return document.getElementById('scatter').data[1].x"), [4, 1.5, 1])
        background = "return getComputedStyle(document.body).backgroundColor"
        before = self.browser.run(background)
        self.browser.run("document.getElementById('theme').click()")
        self.assertNotEqual(self.browser.run(background), before)

    def test_of_a_study_without_a_front_says_so(self):
        empty = self.path / "empty.h5"
        write_study(empty)
        with h5py.File(empty, "r+") as file:
            del file["pareto/candidate"]
            file["pareto/candidate"] = np.array([], np.uint64)
            file["candidates/status"][...] = 1
            for name in ("latency", "area"):
                file[f"candidates/objectives/{name}"][...] = NAN
        page = self.path / "empty.html"
        subprocess.run([SOURCE / "scripts" / "report_html", empty, "-o", page], check=True)
        self.browser.open(page)
        self.browser.wait_for("document.body.dataset.ready === 'yes'")
        self.assertEqual(self.browser.messages(), [])
        self.assertIn("No design is feasible", self.details())


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if not program.result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if program.result.skipped else 0)
