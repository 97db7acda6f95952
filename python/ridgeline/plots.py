"""Pictures of results (needs matplotlib): of schedules, memories and fronts. The scripts that draw use these too."""
from __future__ import annotations

import colorsys
import contextlib
import os
import pathlib
from typing import Any, Iterator, Mapping, Sequence, Union

# Okabe and Ito's colours, which stay apart for colour-blind readers and in grey.
COLOURS = {"I1": "#E69F00", "I2": "#0072B2", "O": "#009E73", "I": "#E69F00", "W": "#0072B2", "mac": "#4D4D4D"}
SPARE_COLOURS = ["#CC79A7", "#56B4E9", "#D55E00", "#F0E442"]
INK, FAINT = "#222222", "#D9D9D9"

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 8.5, "axes.titlesize": 9.5, "axes.labelsize": 9,
    "axes.edgecolor": "#888888", "axes.linewidth": 0.8, "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y",
    "grid.color": "#E8E8E8", "grid.linewidth": 0.8, "xtick.color": INK, "ytick.color": INK,
    "text.color": INK, "axes.labelcolor": INK, "xtick.major.size": 0, "ytick.major.size": 0,
    "legend.frameon": False, "legend.fontsize": 8, "hatch.linewidth": 0.7,
    "savefig.dpi": 200, "svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "ridgeline",
}

# With more dependencies in view than this, the lines would hide what they join.
MOST_LINES = 400
# Lines of a legend under each other; with more it gets columns.
LEGEND_ROWS = 22

Path = Union[str, "os.PathLike[str]"]


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """matplotlib with the look that all pictures have."""
    import matplotlib
    with matplotlib.rc_context(STYLE):
        yield


def figure(rows: int, size: tuple[float, float], **options: Any) -> tuple[Any, Any]:
    """A figure and its axes, outside of pyplot: nothing is shown, and nothing has to be closed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    drawing = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing, drawing.subplots(rows, **options)


def save(drawing: Any, path: Path) -> None:
    """Writes a figure: png, svg or pdf. No date, so that the same input gives the same file."""
    kind = os.path.splitext(os.fspath(path))[1].lower()
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        folder.mkdir(parents=True)
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(kind)
    with styled():
        drawing.savefig(path, bbox_inches="tight", pad_inches=0.12, metadata=metadata)


def short(value: float) -> str:
    """A number of three digits with its SI suffix: 3703960.5 -> '3.7 M'."""
    for factor, suffix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{suffix}"
    return f"{value:.3g}"


# Units that take a prefix, by the names that results have for them: factor and unit.
_PREFIXED = {"pJ": (1e-12, "J"), "pJ*cycles": (1e-12, "J cycles"), "pJ x cycles": (1e-12, "J cycles")}


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A figure with its unit, and the unit's prefix where it takes one: 1871436380 pJ -> '1.87 mJ'."""
    if unit not in _PREFIXED:
        return f"{short(value)} {unit}".rstrip()
    factor, name = _PREFIXED[unit]
    value *= factor
    for scale, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"),
                          (1e-12, "p"), (1e-15, "f")):
        if abs(value) >= scale * (1 - 0.5 * 10**-digits):
            return f"{value / scale:.{digits}g} {prefix}{name}"
    return f"0 {name}" if value == 0 else f"{value:.{digits}g} {name}"


def axis_title(name: str, unit: str) -> str:
    """Of an axis with the labels of `log_or_linear`: energies have their unit in the labels."""
    return name if unit in _PREFIXED or unit in ("", "1") else f"{name} ({unit})"


def bits(size: float) -> str:
    """A capacity in bits as people say it, in powers of 1024: 16777216 -> '2 MiB'."""
    if size % 8 or size < 8:
        return f"{size:g} bit"
    size /= 8
    for factor, unit in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if size >= factor:
            return f"{size / factor:.4g} {unit}"
    return f"{size:.4g} B"


def log_or_linear(axes: Any, which: str, low: float, high: float, linear: bool = False, unit: str = "") -> None:
    """A logarithmic axis where the values span enough, with labels that do not run into each other. Labels of a unit
    that takes a prefix have it: 2 mJ."""
    from matplotlib import ticker
    axis = getattr(axes, f"{which}axis")
    plain = ticker.FuncFormatter(lambda value, _: quantity(value, unit) if unit in _PREFIXED else short(value))
    if not linear and low > 0 and high > 4 * low:
        getattr(axes, f"set_{which}scale")("log")
        # Short of two decades, powers of ten alone are too few labels.
        few = high < 60 * low
        axis.set_major_locator(ticker.LogLocator(10, subs=(1, 2, 5) if few else (1,), numticks=8))
        axis.set_minor_locator(ticker.NullLocator() if few else ticker.LogLocator(10, subs=range(2, 10), numticks=12))
        axis.set_minor_formatter(ticker.NullFormatter())
    else:
        axis.set_major_locator(ticker.MaxNLocator(5))
    axis.set_major_formatter(plain)


def annotate(drawing: Any, axes: Any, points: Sequence[tuple[float, float]], labels: Sequence[str]) -> int:
    """Labels beside points where they cover neither each other nor a point; returns how many found no place."""
    from matplotlib.transforms import Bbox
    drawing.draw_without_rendering()
    renderer = drawing.canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    pixels = axes.transData.transform(points)
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in pixels]
    left_out = 0
    for (x, y), label in zip(points, labels):
        for dx, dy, side in ((5, 4, "left"), (5, -9, "left"), (-5, 4, "right"), (-5, -9, "right"), (0, 11, "center"),
                             (0, -16, "center"), (14, 13, "left"), (14, -18, "left"), (-14, 13, "right"),
                             (-14, -18, "right")):
            text = axes.annotate(label, (x, y), xytext=(dx, dy), textcoords="offset points", fontsize=6.5, ha=side)
            box = text.get_window_extent(renderer)
            inside = box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            left_out += 1
    return left_out


def many_colours(count: int) -> list[Any]:
    """So many colours that stay apart: hues in turn, of two kinds of brightness beyond the first twelve."""
    if count <= 12:
        import matplotlib
        return list(matplotlib.colormaps["tab20"].colors[:2 * count:2] if count <= 10 else
                    matplotlib.colormaps["tab20"].colors[:count])
    return [colorsys.hls_to_rgb((i * 0.618034) % 1, (0.48, 0.68, 0.36)[i % 3], (0.75, 0.8, 0.55)[i % 3])
            for i in range(count)]


# --- Schedules.


def _link_name(result: Mapping[str, Any], index: int) -> str:
    links = result.get("links", [])
    if index >= len(links):
        return f"link {index}"
    link = links[index]
    if link["from"] == "any" and link["to"] == "any":
        return f"bus {index}"
    return f"{link['from']} to {link['to']}"


def _rows(result: Mapping[str, Any]) -> dict[tuple[str, int], str]:
    rows = {("core", core): f"core {core}" for core in sorted({node["core"] for node in result["nodes"]})}
    used = {link for transfer in result.get("transfers", []) for link in transfer.get("links", [])}
    used |= {block["link"] for block in result.get("blocks", [])}
    for link in sorted(used):
        rows["link", link] = _link_name(result, link)
    return rows


def schedule_figure(result: Mapping[str, Any], begin: float = 0, end: float = 100) -> Any:
    """What each core runs when, what each link carries, and who waits for whom.

    Args:
        result: the document of a schedule; without ``detail="full"`` links and dependencies are left out.
        begin, end: the window, in percent of the latency.
    """
    from matplotlib.patches import Patch
    with styled():
        rows = _rows(result)
        first, last = result["latency"] * begin / 100, result["latency"] * end / 100
        names = {node["id"]: node["layer"] for node in result["nodes"]}
        columns = -(-len(names) // LEGEND_ROWS)
        tall = 1.3 + max(0.38 * len(rows), 0.19 * min(len(names), LEGEND_ROWS))
        drawing, axes = figure(1, (9.5 + 1.6 * columns, tall))
        _draw_schedule(result, axes, first, last, rows, dict(zip(names, many_colours(len(names)))))
        handles = [Patch(facecolor=colour, label=names[layer])
                   for layer, colour in zip(names, many_colours(len(names)))]
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1), ncols=columns,
                    fontsize=8 if columns == 1 else 6.5, columnspacing=1)
        latency, energy = result["latency"], result["energy"]["total"]
        axes.set_title(f"latency {short(latency)} cycles, energy {quantity(energy, 'pJ')}, "
                       f"EDP {quantity(latency * energy, 'pJ*cycles')}", loc="left")
    return drawing


def _draw_schedule(result: Mapping[str, Any], axes: Any, first: float, last: float, rows: Mapping[Any, str],
                   colours: Mapping[int, Any]) -> None:
    place = {row: -i for i, row in enumerate(rows)}

    def seen(item: Mapping[str, Any]) -> bool:
        return bool(item["end"] >= first and item["start"] <= last)

    for node in filter(seen, result["nodes"]):
        y = place["core", node["core"]]
        axes.barh(y, node["end"] - node["start"], left=node["start"], height=0.72, color=colours[node["id"]],
                  edgecolor="white", linewidth=0.3)
        label = str(node["sub_id"])
        if node["end"] - node["start"] > (last - first) / 130 * (1 + len(label)):
            axes.text((node["start"] + node["end"]) / 2, y, label, ha="center", va="center", fontsize=6, clip_on=True)
    for transfer in filter(seen, result.get("transfers", [])):
        weight = ".W[" in transfer["tensor"]
        colour = COLOURS["W" if weight else "I"]
        for link in transfer.get("links", []):
            if transfer["end"] <= transfer["start"]:  # a link of endless bandwidth: an instant
                axes.vlines(transfer["start"], place["link", link] - 0.3, place["link", link] + 0.3, color=colour,
                            linewidth=1.2)
                continue
            axes.barh(place["link", link], transfer["end"] - transfer["start"], left=transfer["start"], height=0.6,
                      color=colour, hatch="////" if weight else None, edgecolor="white", linewidth=0.3)
    for block in filter(seen, result.get("blocks", [])):
        axes.barh(place["link", block["link"]], block["end"] - block["start"], left=block["start"], height=0.6,
                  color=FAINT, hatch="xx", edgecolor="white", linewidth=0.3)
    by_id: dict[Any, Any] = {(node["id"], node["sub_id"]): node for node in result["nodes"]}
    edges = [(by_id[tuple(e["from"])], by_id[tuple(e["to"])]) for e in result.get("edges", [])
             if e["operand"] is not None]
    edges = [(a, b) for a, b in edges if a["end"] >= first and b["start"] <= last]
    if len(edges) <= MOST_LINES:
        for a, b in edges:
            axes.plot([a["end"], b["start"]], [place["core", a["core"]], place["core", b["core"]]], color=INK,
                      linewidth=0.4, alpha=0.5)
    axes.set_yticks(list(place.values()), list(rows.values()))
    axes.set_ylim(0.6 - len(rows), 0.6)
    axes.set_xlim(first, max(last, first + 1))
    axes.set_xlabel("cycles")
    axes.grid(True, axis="x")


def draw_schedule(result: Mapping[str, Any], path: Path, begin: float = 0, end: float = 100) -> None:
    """`schedule_figure` as a file: png, svg or pdf."""
    save(schedule_figure(result, begin, end), path)


def memory_figure(result: Mapping[str, Any], offchip: bool = False) -> Any:
    """What a schedule keeps in each memory over time, with its peak and, where that is not far above, its capacity.

    Args:
        result: the document of a schedule with ``detail="full"``.
        offchip: the off-chip memory too.

    Raises ValueError where there is no usage over time, or every memory stays empty.
    """
    if any("usage" not in memory for memory in result["memory"]):
        raise ValueError("there is no usage over time: schedule with --detail full")
    cores = {node["core"] for node in result["nodes"]}
    shown = [m for m in result["memory"] if m["peak"] and (offchip or cores & set(m.get("cores", [m["core"]])))]
    if not shown:
        raise ValueError("every memory stays empty")
    with styled():
        drawing, grid = figure(len(shown), (9, 0.5 + 1.25 * len(shown)), sharex=True, squeeze=False)
        for axes, memory in zip(grid[:, 0], shown):
            _draw_memory(axes, memory, result["latency"])
        grid[-1, 0].set_xlabel("cycles")
    return drawing


def _draw_memory(axes: Any, memory: Mapping[str, Any], latency: float) -> None:
    peak, capacity = memory["peak"], memory["capacity"]
    for unit, name in ((2**43, "TiB"), (2**33, "GiB"), (2**23, "MiB"), (2**13, "KiB"), (8, "B")):
        if peak >= unit:
            break
    times = [step[0] for step in memory["usage"]] + [latency]
    used = [step[1] / unit for step in memory["usage"]]
    axes.step(times, used + used[-1:], where="post", color=COLOURS["W"])
    axes.fill_between(times, used + used[-1:], step="post", color=COLOURS["W"], alpha=0.25)
    top = peak / unit * 1.5
    axes.axhline(peak / unit, color=COLOURS["I"], linestyle="--", linewidth=0.9)
    axes.annotate("peak", (1, peak / unit), xycoords=("axes fraction", "data"), xytext=(4, 0),
                  textcoords="offset points", va="center", fontsize=7, color=COLOURS["I"], annotation_clip=False)
    if capacity / unit <= 3 * peak / unit:
        top = max(top, capacity / unit * 1.2)
        near = abs(capacity - peak) < 0.12 * top * unit
        axes.axhline(capacity / unit, color=SPARE_COLOURS[2], linewidth=0.9)
        axes.annotate("capacity", (1, capacity / unit), xycoords=("axes fraction", "data"),
                      xytext=(4, 8 if near else 0), textcoords="offset points", va="center", fontsize=7,
                      color=SPARE_COLOURS[2], annotation_clip=False)
    axes.set_ylim(0, top)
    axes.set_xlim(0, max(latency, 1))
    axes.set_title(f"core {memory['core']}, {memory['memory']} ({', '.join(memory['operands'])}): peak {bits(peak)} of "
                   f"{bits(capacity)}, {100 * peak / capacity:.3g} %", loc="left")
    axes.set_ylabel(name)


def draw_memory(result: Mapping[str, Any], path: Path, offchip: bool = False) -> None:
    """`memory_figure` as a file: png, svg or pdf."""
    save(memory_figure(result, offchip), path)


def front_figure(results: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    """The schedules that no other beats, of results by name: latency against energy, each labelled with its cores
    where there is room."""
    with styled():
        drawing, axes = figure(1, (7, 4.6))
        colours = list(COLOURS.values())[:3] + SPARE_COLOURS
        points: list[tuple[float, float]] = []
        labels: list[str] = []
        for i, (name, result) in enumerate(results):
            front = sorted(result["search"]["front"], key=lambda m: (m["latency"], m["energy"]))
            axes.plot([m["latency"] for m in front], [m["energy"] for m in front], "o-", markersize=5, linewidth=0.9,
                      color=colours[i % len(colours)], label=f"{name}: {len(front)} of {result['search']['evaluated']}")
            seen: set[tuple[float, float]] = set()
            for member in front:
                point = (float(member["latency"]), float(member["energy"]))
                if point in seen:
                    continue  # equal figures: the first stands for all
                seen.add(point)
                cores = " ".join("".join(map(str, layer["cores"][:4])) + ("…" if len(layer["cores"]) > 4 else "")
                                 for layer in member["allocation"][:8])
                points.append(point)
                labels.append(cores + (" …" if len(member["allocation"]) > 8 else ""))
        xs, ys = [x for x, _ in points], [y for _, y in points]
        axes.set_xlabel("latency (cycles)")
        axes.set_ylabel(axis_title("energy", "pJ"))
        axes.margins(0.12)
        log_or_linear(axes, "x", min(xs), max(xs))
        log_or_linear(axes, "y", min(ys), max(ys), unit="pJ")
        axes.grid(True, axis="both")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
        left_out = annotate(drawing, axes, points, labels)
        if left_out:
            axes.annotate(f"no room for {left_out} of {len(labels)} labels", (1, 1.01), xycoords="axes fraction",
                          ha="right", va="bottom", fontsize=6.5)
    return drawing


def draw_front(results: Sequence[tuple[str, Mapping[str, Any]]], path: Path) -> None:
    """`front_figure` as a file: png, svg or pdf."""
    save(front_figure(results), path)


