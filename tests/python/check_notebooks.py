#!/usr/bin/python3
"""The example notebooks run from a clean kernel, and hold no results.

Usage: check_notebooks.py SOURCE_DIR LIBRARY
Exits 77 where nbclient or a kernel is missing.
"""
import os
import pathlib
import sys
import tempfile

SOURCE, LIBRARY = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
try:
    import ipykernel  # noqa: F401
    import nbclient
    import nbformat
except ImportError as error:
    print(f"{error}: notebooks are not run")
    sys.exit(77)

os.environ["RIDGELINE_LIBRARY"] = LIBRARY
os.environ["PYTHONPATH"] = str(SOURCE / "python")
notebooks = sorted((SOURCE / "examples" / "notebooks").glob("*.ipynb"))
assert len(notebooks) >= 2, notebooks
for path in notebooks:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("execution_count"), f"{path.name} holds results"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RIDGELINE_EXAMPLES"] = str(SOURCE / "examples")
        nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3",
                                resources={"metadata": {"path": folder}}).execute()
    print(path.name, "runs")
