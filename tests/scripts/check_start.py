#!/usr/bin/python3
"""Starting the program stays cheap: which libraries it loads, and how many pages it touches, for one layer.

Usage: check_start.py SOURCE_DIR RIDGELINE_PROGRAM

Loading a library and the first touch of each page are what a short command takes its time for; both are counted, not
timed, so that a busy machine does not matter.
"""
import os
import pathlib
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop()
SOURCE = pathlib.Path(sys.argv.pop()).resolve()
# What the system gives anyway, and what is only loaded where there is no library to link in.
LIBRARIES = {"linux-vdso", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libm", "libpthread", "libyaml-cpp",
             "libboost_program_options"}
# What is only loaded for studies, or drags dozens of others along.
FOR_STUDIES = {"libmpi", "libhdf5", "libhdf5_serial", "libhdf5_openmpi", "libtbb", "libcurl"}
MOST_PAGES = {"loma": 220, "exact": 240}
LARGE_PAGES = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")


def layer(engine):
    return [PROGRAM, "evaluate", "-w", SOURCE / "bench/one_layer.yaml", "-a", SOURCE / "examples/accelerators/tpu_like.yaml",
            "-m", SOURCE / "examples/mappings/tpu_like.yaml", "--threads", "1", "--engine", engine]


def pages_of(command):
    """Pages that a run touches for the first time."""
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_minflt


class Start(unittest.TestCase):
    def test_only_the_systems_own_libraries_are_loaded(self):
        found = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            self.assertIn("not a dynamic executable", found.stderr + found.stdout)
            return
        listed = found.stdout
        names = {line.split()[0].rsplit("/", 1)[-1].split(".so")[0] for line in listed.splitlines() if line.strip()}
        self.assertIn("libc", names)
        self.assertEqual(names - LIBRARIES, set())

    def test_models_are_read_without_what_studies_need(self):
        program = pathlib.Path(PROGRAM).parent / "ridgeline-onnx"
        found = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
        names = {line.split()[0].rsplit("/", 1)[-1].split(".so")[0] for line in found.stdout.splitlines() if line.strip()}
        self.assertIn("libonnx", names)
        self.assertEqual(names & FOR_STUDIES, set())

    def test_one_layer_touches_few_pages(self):
        if not LARGE_PAGES.exists() or "[never]" in LARGE_PAGES.read_text(encoding="utf-8"):
            self.skipTest("no large pages here")
        for engine, most in MOST_PAGES.items():
            self.assertLessEqual(min(pages_of(layer(engine)) for _ in range(5)), most, engine)


if __name__ == "__main__":
    unittest.main()
