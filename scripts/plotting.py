"""What the figures of the plot scripts have in common: colours, type, units and saving."""
import json
import os
import sys
import tempfile

import yaml

# matplotlib writes its font cache there; a home directory may be missing or read-only.
os.environ.setdefault("MPLCONFIGDIR", os.path.join(tempfile.gettempdir(), f"matplotlib-{os.getuid()}"))
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# The package of this checkout, installed or not.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from ridgeline.plots import (  # noqa: E402, F401
    COLOURS, FAINT, INK, SPARE_COLOURS, STYLE, axis_title, bits, log_or_linear, quantity, short)

OPERAND_NAMES = {"I1": "activations", "I2": "weights", "O": "outputs",
                 "I": "activations", "W": "weights"}
plt.rcParams.update(STYLE)


def scaled(values, units, step=1000.0):
    """(factor, unit) that brings the largest of `values` into a readable range."""
    largest = max((abs(v) for v in values), default=0.0)
    factor = 1.0
    for unit in units[:-1]:
        if largest < step * factor:
            return factor, unit
        factor *= step
    return factor, units[-1]


def read_document(path):
    """What a JSON or, by any other ending, YAML file holds."""
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream) if path.endswith(".json") else yaml.safe_load(stream)
    except OSError as error:
        raise SystemExit(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise SystemExit(f"{path}: no {'JSON' if path.endswith('.json') else 'YAML'} document: {error}") from error


def read_result(path, schema, command):
    """A result of one of the program's commands; ends the script where it is something else."""
    result = read_document(path)
    found = result.get("schema") if isinstance(result, dict) else None
    if found != schema:
        raise SystemExit(f"{path}: no result of `ridgeline {command}`: \"schema\" is {found!r}, "
                         f"expected {schema!r} (write it with: ridgeline {command} --format json)")
    return result


def save(figure, path):
    # No date, so that the same input gives the same file.
    kind = os.path.splitext(path)[1].lower()
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(kind)
    try:
        figure.savefig(path, bbox_inches="tight", pad_inches=0.12, metadata=metadata)
    except OSError as error:
        raise SystemExit(f"{path}: cannot be written: {error.strerror}") from error
    except ValueError as error:
        raise SystemExit(f"{path}: {error}") from error
    plt.close(figure)
