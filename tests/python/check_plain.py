#!/usr/bin/python3
"""The package works in a fresh virtual environment without anything else, installed by pip offline.

Usage: check_plain.py SOURCE_DIR LIBRARY
LIBRARY is bundled instead of one that is built for the occasion. Exits 77 where there is no venv.
"""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE, LIBRARY = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
if not importlib.util.find_spec("ensurepip"):
    print("there is no python3-venv: not tested")
    sys.exit(77)

SCRIPT = """
import importlib.util, sys
for name in ("numpy", "pandas", "yaml"):
    assert importlib.util.find_spec(name) is None, name
import ridgeline
e = ridgeline.evaluate(sys.argv[1] + "/labs/conv1.yaml", sys.argv[1] + "/accelerators/tpu_like.yaml",
                       sys.argv[1] + "/mappings/tpu_like.yaml", engine="loma")
assert isinstance(e.layers, ridgeline.Table), type(e.layers)
assert sum(e.layers["energy.total"]) == e.energy
m = ridgeline.CompiledMapping(sys.argv[1] + "/labs/conv1.yaml", sys.argv[1] + "/accelerators/tpu_like.yaml",
                              sys.argv[1] + "/mappings/tpu_like.yaml")
layer = e.layer(e.layer_names[0])
energy, latency = m.cost([[(l["dim"], l["size"]) for l in layer.temporal]])
assert energy == [layer.energy] and latency == [layer.latency]
import array
places = {name: place for place, name in enumerate(m.dims)}
loops = len(layer.temporal)
dims = memoryview(array.array("i", [places[l["dim"]] for l in layer.temporal])).cast("b").cast("i", (1, loops))
sizes = memoryview(array.array("q", [l["size"] for l in layer.temporal])).cast("b").cast("q", (1, loops))
out = array.array("d", [0]), array.array("d", [0])
assert m.cost_arrays(dims, sizes, out=out) == out and (out[0][0], out[1][0]) == (layer.energy, layer.latency)
assert ridgeline.__file__.startswith(sys.prefix), ridgeline.__file__
print("right", ridgeline.version())
"""

with tempfile.TemporaryDirectory() as folder:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "RIDGELINE"))}
    # No package index can be reached.
    environment.update({"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    subprocess.run([sys.executable, "-m", "venv", folder + "/venv"], check=True)
    python = folder + "/venv/bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(SOURCE)], check=True,
                   env={**environment, "RIDGELINE_LIBRARY": LIBRARY})
    done = subprocess.run([python, "-c", SCRIPT, str(SOURCE / "examples")], cwd=folder, env=environment,
                          capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr, sep="")
    sys.exit(done.returncode or "right" not in done.stdout)
