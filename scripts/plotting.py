"""What the figures of the plot scripts have in common: colours, type, units and saving."""
import json
import os
import tempfile

import yaml

# matplotlib writes its font cache there; a home directory may be missing or read-only.
os.environ.setdefault("MPLCONFIGDIR", os.path.join(tempfile.gettempdir(), f"matplotlib-{os.getuid()}"))
import matplotlib  # noqa: E402

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# Okabe and Ito's colours, which stay apart for colour-blind readers and in grey.
COLOURS = {"I1": "#E69F00", "I2": "#0072B2", "O": "#009E73",
           "I": "#E69F00", "W": "#0072B2", "mac": "#4D4D4D"}
SPARE_COLOURS = ["#CC79A7", "#56B4E9", "#D55E00", "#F0E442"]
OPERAND_NAMES = {"I1": "activations", "I2": "weights", "O": "outputs",
                 "I": "activations", "W": "weights"}
INK, FAINT = "#222222", "#D9D9D9"

plt.rcParams.update({
    "font.family": "DejaVu Sans", "font.size": 8.5, "axes.titlesize": 9.5, "axes.labelsize": 9,
    "axes.edgecolor": "#888888", "axes.linewidth": 0.8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y",
    "grid.color": "#E8E8E8", "grid.linewidth": 0.8, "xtick.color": INK, "ytick.color": INK,
    "text.color": INK, "axes.labelcolor": INK, "xtick.major.size": 0, "ytick.major.size": 0,
    "legend.frameon": False, "legend.fontsize": 8, "hatch.linewidth": 0.7,
    "savefig.dpi": 200, "svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "ridgeline",
})


def scaled(values, units, step=1000.0):
    """(factor, unit) that brings the largest of `values` into a readable range."""
    largest = max((abs(v) for v in values), default=0.0)
    factor = 1.0
    for unit in units[:-1]:
        if largest < step * factor:
            return factor, unit
        factor *= step
    return factor, units[-1]


def short(value):
    """A number of three digits with its SI suffix: 3703960.5 -> '3.70 M'."""
    for factor, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{suffix}"
    return f"{value:.3g}"


def bits(size):
    """A capacity in bits as people say it: 16777216 -> '2 MB'."""
    if size % 8 or size < 8:
        return f"{size} bit"
    size /= 8
    for factor, unit in ((10**9, "GB"), (2**20, "MB"), (2**10, "KB")):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size:.4g} B"


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
