#!/usr/bin/python3
"""What a hostile day does to a program that runs alone: limits, links, names, missing files.

Usage: hostile_day.py RIDGELINE LIBRARY [CASE...]      LIBRARY: inject_faults.cpp
"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "engine/explore"))
from study_harness import EXAMPLES, SOURCE, columns, differences  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
SYNTHETIC = PROGRAM.parent / "tests/synthetic/ridgeline_synthetic"
LIBRARY = pathlib.Path(sys.argv[2]).resolve()
STUDY = """workloads: [gemm/workload.yaml]
accelerator: gemm/accelerator.yaml
mapping: gemm/mapping.yaml
mapping_search: {engine: loma, lpf_limit: 3}
objectives: [latency, energy, area]
"""
PARAMETERS = """parameters:
  - {name: cost, path: /memories/l1/r_cost, values: [90, 95, 100]}
  - {name: n, path: /operational_array/sizes/1, values: [8, 16]}
"""
MODEL = ["-w", EXAMPLES / "labs/conv1.yaml", "-a", EXAMPLES / "accelerators/tpu_like.yaml",
         "-m", EXAMPLES / "mappings/tpu_like.yaml"]
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


class Place:
    """A folder of its own with a small study."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ridgeline-hostile-"))
        shutil.copytree(EXAMPLES / "studies/gemm", self.folder / "gemm")
        self.write("study.yaml", STUDY + PARAMETERS)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def run(self, *words, program=PROGRAM, timeout=60, limits=(), **how):
        def prepare():
            for kind, most in limits:
                resource.setrlimit(kind, (most, most))
        done = subprocess.run([program, *words], cwd=self.folder, timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, preexec_fn=prepare if limits else None, **how)
        return done.returncode, done.stdout.decode(errors="replace")

    def explore(self, *options, study="study.yaml", output="s.h5", **how):
        return self.run("explore", study, "-o", output, *options, **how)


def safe_to_look_at(text):
    bad = re.findall("[\\x00-\\x09\\x0b-\\x1f\\x7f\\x80-\\x9f\\u202a-\\u202e]", text)
    assert not bad, f"control characters {bad!r} in {text!r}"


@case
def want_of_memory_is_no_result():
    with Place() as place:
        code, text = place.explore(output="good.h5")
        assert code == 0, text
        good = columns(place.folder / "good.h5")
        seen = set()
        for mib in range(40, 140, 4):
            for path in place.folder.glob("s.h5*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            code, text = place.explore("--threads", "2", limits=[(resource.RLIMIT_AS, mib << 20)], timeout=20)
            seen.add(code)
            # Below what the dynamic loader needs, it is the loader that says so (127).
            assert code in (0, 74, 127), f"{mib} MiB: {code}: {text}"
            if code != 127:
                code, text = place.explore("--resume")
                assert code == 0 and " 0 failed" in text or "already" in text, f"{mib} MiB: {text}"
                wrong = differences(good, columns(place.folder / "s.h5"))
                assert not wrong, f"{mib} MiB: {wrong}"
        assert 74 in seen, f"the limits were not narrow: {seen}"


@case
def want_of_threads_ends_at_once_and_is_said():
    # The program that is started first is static: no library comes before its own.
    full = PROGRAM.parent / "ridgeline-full"
    with Place() as place:
        for command in (["explore", "study.yaml", "-o", "s.h5", "--resume"], ["evaluate", *MODEL],
                        ["schedule", "-w", EXAMPLES / "labs/multicore/four_convs.yaml", "-a",
                         EXAMPLES / "labs/multicore/system.yaml", "-m", EXAMPLES / "labs/multicore/fused.yaml"]):
            for number in ("1+", "2+", "3+"):
                begun = time.monotonic()
                code, text = place.run(*command, "--threads", "4", timeout=20,
                                       program=full if full.exists() else PROGRAM,
                                       env=dict(os.environ, LD_PRELOAD=str(LIBRARY),
                                                RIDGELINE_FAULT="thread:" + number))
                assert code == 74 and "thread" in text, f"{command[0]}, {number}: {code}: {text}"
                assert time.monotonic() - begun < 10, "at once"
        code, text = place.explore("--resume")
        assert code == 0, text


@case
def a_file_that_may_not_be_reached_is_named():
    with Place() as place:
        os.symlink("loop.h5", place.folder / "loop.h5")
        code, text = place.run("report", "loop.h5")
        assert code in (3, 74) and "bug" not in text and "loop.h5" in text, f"{code}: {text}"
        place.write("long.yaml", STUDY.replace("gemm/accelerator", "a" * 256))
        code, text = place.explore(study="long.yaml")
        assert code in (3, 74) and "bug" not in text, f"{code}: {text}"
        code, text = place.explore(output="b" * 256 + ".h5")
        assert code in (3, 74) and "bug" not in text, f"{code}: {text}"
        if os.geteuid() == 0:
            # Somebody else, before a closed folder.
            os.chmod(place.folder, 0o755)
            for path in place.folder.rglob("*"):
                if not path.is_symlink():
                    os.chmod(path, 0o755)
            for name in ("ridgeline", "ridgeline-onnx", "ridgeline-full"):
                if (PROGRAM.parent / name).exists():
                    shutil.copy(PROGRAM.parent / name, place.folder / name)
            (place.folder / "closed").mkdir()
            shutil.copy(place.folder / "gemm/accelerator.yaml", place.folder / "closed")
            place.write("closed.yaml", STUDY.replace("gemm/accelerator", "closed/accelerator"))
            code, text = place.explore(output="closed/s.h5")
            assert code == 0, text
            os.chmod(place.folder / "closed", 0o700)
            nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "./ridgeline"]
            for words in (["explore", "closed.yaml", "-o", "/tmp/ridgeline-x.h5"], ["report", "closed/s.h5"]):
                code, text = place.run(*nobody[1:], *words, program=nobody[0])
                assert code in (3, 74) and "bug" not in text and "closed" in text, f"{words}: {code}: {text}"


@case
def nothing_is_written_through_a_link_that_waits_for_it():
    with Place() as place:
        for name in ("s.h5.part", "o.json.part", "report.txt.part"):
            os.symlink("victim", place.folder / name)
        victim = place.write("victim", "precious\n")
        assert place.explore()[0] == 0
        assert place.run("evaluate", *MODEL, "--format", "json", "-o", "o.json")[0] == 0
        assert place.run("report", "s.h5", "-o", "report.txt")[0] == 0
        assert victim.read_text() == "precious\n"
        assert not (place.folder / "s.h5").is_symlink() and not (place.folder / "o.json").is_symlink()
        assert not list(place.folder.glob("*.part-*"))


@case
def an_output_without_a_name_is_refused_before_anything_is_evaluated():
    with Place() as place:
        for command in (["explore", "study.yaml"], ["evaluate", *MODEL], ["report", "s.h5"],
                        ["schedule", "-w", EXAMPLES / "labs/multicore/four_convs.yaml", "-a",
                         EXAMPLES / "labs/multicore/system.yaml", "-m", EXAMPLES / "labs/multicore/fused.yaml"]):
            code, text = place.run(*command, "--output", "")
            assert code == 2 and "--output" in text, f"{command[0]}: {code}: {text}"


@case
def journals_without_a_manifest_are_not_thrown_away():
    with Place() as place:
        code, text = place.explore("--max-evaluations", "3")
        assert code == 75, text
        (place.folder / "s.h5.d/manifest.json").unlink()
        for output in (True, False):
            if not output:
                (place.folder / "s.h5").unlink()
            code, text = place.explore("--resume")
            assert code == 3 and "manifest.json is missing beside" in text and "--force" not in text, text
            assert list((place.folder / "s.h5.d").glob("*.journal"))


@case
def a_damaged_manifest_is_named_as_damaged():
    with Place() as place:
        assert place.explore("--max-evaluations", "3")[0] == 75
        manifest = place.folder / "s.h5.d/manifest.json"
        whole = manifest.read_bytes()
        for bit in range(0, 8 * len(whole), 41):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            if json.loads(whole) == try_json(damaged):
                continue
            manifest.write_bytes(damaged)
            code, text = place.explore("--resume", "--max-evaluations", "1")
            assert code == 3, f"bit {bit}: {code}: {text}"
        manifest.write_bytes(whole)
        assert place.explore("--resume")[0] == 0


def try_json(text):
    try:
        return json.loads(bytes(text))
    except ValueError:
        return None


@case
def names_are_safe_to_look_at():
    evil = "\\e]0;owned\\a\\e[2J\\r=1+1\\u202e"
    with Place() as place:
        text = STUDY + 'name: "' + evil + '"\nparameters:\n  - {name: c, values: [' \
            f'{{label: "{evil}", set: {{/memories/l1/r_cost: 90}}}}, {{label: "=1+1", set: {{/memories/l1/r_cost: 95}}}}]}}\n'
        place.write("evil.yaml", text)
        for words in (["explore", "evil.yaml", "-o", "s.h5"], ["explore", "evil.yaml", "--dry-run"],
                      ["check", "evil.yaml"], ["report", "s.h5"], ["report", "s.h5", "--format", "json"],
                      ["explore", "evil.yaml", "-o", "s.h5"]):
            code, said = place.run(*words)
            assert code in (0, 3), said
            safe_to_look_at(said)
        code, csv = place.run("report", "s.h5", "--csv", "-")
        assert code == 0 and ",=1+1" not in csv and ",'=1+1" in csv, csv
        layer = (EXAMPLES / "labs/conv1.yaml").read_text()
        name = re.search(r"name: *(\S+)", layer)
        layer = layer.replace(name.group(0), f'name: "{evil}"') if name else layer
        place.write("layer.yaml", layer)
        code, said = place.run("evaluate", "-w", "layer.yaml", *MODEL[2:])
        safe_to_look_at(said)
        # Messages have a bounded length.
        place.write("long.yaml", STUDY + "x" * 20_000 + ": 1\n")
        code, said = place.run("check", "long.yaml")
        assert code == 3 and len(said) < 5_000, len(said)


@case
def a_name_that_looks_like_markup_makes_a_whole_page():
    with Place() as place:
        place.write("page.yaml", STUDY + 'name: "<!--<script>alert(1)</script>-->"\n')
        assert place.explore(study="page.yaml")[0] == 0
        code, text = place.run(SOURCE / "scripts/report_html", "s.h5", "-o", "page.html", program="/usr/bin/python3")
        assert code == 0, text
        page = (place.folder / "page.html").read_text(encoding="utf-8")
        data = re.search('<script type="application/json" id="data">(.*)</script>', page).group(1)
        assert "<" not in data and json.loads(data)["name"] == "<!--<script>alert(1)</script>-->"


@case
def costs_beyond_all_numbers_are_refused():
    with Place() as place:
        for field in ("unit_area", "unit_energy"):
            text = re.sub(rf"({field}): *\S+", r"\1: 1.0e+308", MODEL[3].read_text())
            assert "e+308" in text, field
            place.write("huge.yaml", text)
            code, said = place.run("evaluate", *MODEL[:2], "-a", "huge.yaml", *MODEL[4:], "--format", "json")
            assert code in (3, 4) and "null" not in said, f"{field}: {code}: {said}"


@case
def aliases_that_repeat_a_long_text_are_refused():
    with Place() as place:
        place.write("a.yaml", "a: &a " + "x" * 2**20 + "\nb: [" + ", ".join(["*a"] * 4000) + "]\n")
        for command in ("check", "explore"):
            code, text = place.run(command, "a.yaml", limits=[(resource.RLIMIT_AS, 2 << 30)])
            assert code == 3 and "aliases expanded" in text, f"{command}: {code}: {text[:300]}"


@case
def a_where_that_leaves_nothing_is_the_reason():
    with Place() as place:
        many = "values: {from: 1, to: 4000, step: 1}"
        place.write("rare.yaml", STUDY + f"""parameters:
  - {{name: a, path: /memories/l1/r_cost, {many}}}
  - {{name: b, path: /memories/l1/w_cost, {many}}}
  - {{name: c, path: /memories/dram/r_cost, {many}}}
where: ["a * b * c == 63872000001"]
strategy: {{kind: random, samples: 10}}
""")
        code, text = place.explore(study="rare.yaml", timeout=120)
        assert code in (3, 4) and "where" in text, f"{code}: {text}"


@case
def a_signal_to_end_is_obeyed_while_rank_0_is_at_a_long_step():
    with Place() as place:
        many = "values: {from: 1, to: 100, step: 1}"
        place.write("many.yaml", STUDY + f"""parameters:
  - {{name: a, path: /memories/l1/r_cost, {many}}}
  - {{name: b, path: /memories/l1/w_cost, {many}}}
  - {{name: c, path: /memories/dram/r_cost, {many}}}
strategy: {{kind: nsga2, population: 30000, generations: 2}}
""")
        for after in (0.3, 1, 2, 4):
            process = subprocess.Popen([SYNTHETIC, "explore", "many.yaml", "-o", "s.h5", "--force"], cwd=place.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                pass
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            text, _ = process.communicate(timeout=60)
            took = time.monotonic() - begun
            assert process.returncode in (0, 75), f"{process.returncode}: {text}"
            assert took < 3, f"{took:.1f} s after SIGTERM at {after} s: {text}"


def main():
    failed = []
    for name in sys.argv[3:] or list(CASES):
        begun = time.monotonic()
        try:
            CASES[name]()
            print(f"ok   {name} ({time.monotonic() - begun:.1f} s)", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed.append(name)
            print(f"FAIL {name}: {error}", flush=True)
    return 1 if failed else 0


sys.exit(main())
