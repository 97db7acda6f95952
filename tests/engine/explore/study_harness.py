"""What the tests of `ridgeline explore` have in common: small studies, runs, comparisons."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import h5py
import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[3]
EXAMPLES = SOURCE / "examples"
CONDITION = "rows * cols <= 600"
STRATEGIES = {
    "exhaustive": "{kind: exhaustive}",
    "random": "{kind: random, samples: 150}",
    "nsga2": "{kind: nsga2, islands: 3, population: 12, generations: 8, migrate_every: 2}",
}


class Bench:
    """A folder with a study in it, and the program."""

    def __init__(self, program, strategy="exhaustive", values=8, keep=False):
        self.program = pathlib.Path(program).resolve()
        # Beside it in the build folder: the same with figures from arithmetic.
        self.synthetic = self.program.parent / "tests/synthetic/ridgeline_synthetic"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ridgeline-explore-"))
        self.keep = keep
        shutil.copy(EXAMPLES / "accelerators/tpu_like.yaml", self.folder / "accelerator.yaml")
        shutil.copy(EXAMPLES / "mappings/tpu_like.yaml", self.folder / "mapping.yaml")
        shutil.copy(EXAMPLES / "labs/conv1.yaml", self.folder / "workload.yaml")
        self.study = self.folder / "study.yaml"
        self.write_study(strategy, values)

    def write_study(self, strategy="exhaustive", values=8, condition=CONDITION):
        sizes = ", ".join(str(4 * (i + 1)) for i in range(values))
        where = f'where: ["{condition}"]\n' if condition else ""
        self.study.write_text(
            "name: small\n"
            "workloads: [workload.yaml]\n"
            "accelerator: accelerator.yaml\n"
            "mapping: mapping.yaml\n"
            "parameters:\n"
            f"  - {{name: rows, path: /operational_array/sizes/0, values: [{sizes}]}}\n"
            f"  - {{name: cols, path: /operational_array/sizes/1, values: [{sizes}]}}\n"
            "  - {name: energy, path: /operational_array/unit_energy,"
            " values: [0.01, 0.02, 0.04, 0.08, 0.1, 0.12]}\n" + where +
            "objectives: [latency, energy, area]\n"
            f"strategy: {STRATEGIES.get(strategy, strategy)}\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def command(self, output, *options, ranks=0, threads=1, recovery=False, synthetic=None):
        launcher = []
        if ranks > 0:
            launcher = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)]
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                launcher.insert(1, "--allow-run-as-root")
            if recovery:
                launcher.insert(1, "--enable-recovery")
        program = self.synthetic if synthetic else self.program
        return launcher + [str(program), "explore", str(self.study), "--output",
                           str(self.path(output)), "--threads", str(threads), *map(str, options)]

    def environment(self, synthetic):
        environment = dict(os.environ)
        if synthetic:
            environment["RIDGELINE_SYNTHETIC"] = synthetic
        return environment

    def start(self, output, *options, synthetic="", **how):
        return subprocess.Popen(self.command(output, *options, synthetic=synthetic, **how), cwd=self.folder,
                                env=self.environment(synthetic), stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def run(self, output, *options, synthetic="", timeout=180, **how):
        """Exit code and everything it said."""
        process = self.start(output, *options, synthetic=synthetic, **how)
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            text, _ = process.communicate()
            raise AssertionError(f"did not end within {timeout} s:\n{text}")
        return process.returncode, text


def walk(group, prefix=""):
    for name in sorted(group):
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from walk(item, f"{prefix}/{name}")
        else:
            yield f"{prefix}/{name}", item


def columns(path):
    """Bytes of every dataset that must not depend on ranks, threads or timing."""
    found = {}
    with h5py.File(path, "r") as file:
        for root in ("candidates", "pareto", "designs"):
            if root not in file:
                continue
            for name, data in walk(file[root], "/" + root):
                value = data[()]
                if isinstance(value, np.ndarray) and value.dtype != object:
                    content = value.tobytes()
                else:
                    content = repr(value.tolist() if isinstance(value, np.ndarray) else value)
                    content = content.encode()
                found[name] = hashlib.sha256(content).hexdigest()
    return found


def status(path):
    with h5py.File(path, "r") as file:
        value = file.attrs["status"]
        return value.decode() if isinstance(value, bytes) else value


def differences(expected, got):
    return sorted(name for name in expected.keys() | got.keys()
                  if expected.get(name) != got.get(name))


def processes(program, output):
    """Ids of the live processes that explore into `output` (ranks, not mpirun)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if state != "Z" and words and words[0].startswith(str(program.parent).encode()) \
                and str(output).encode() in words:
            found.append(int(entry.name))
    return sorted(found)


def rank_of(pid):
    try:
        for entry in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                return int(entry.split(b"=")[1])
    except OSError:
        pass
    return None


def wait_until(condition, timeout, what):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {timeout} s")
