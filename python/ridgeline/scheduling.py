"""A network on a multi-core system."""
from __future__ import annotations

import html
import os
import pathlib
from typing import Any, Mapping, Optional, Union

from . import _documents
from ._library import Note, Progress, Result, call
from ._tables import table_of_rows
from .errors import InputError
from .plots import quantity

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#dd8452", "#55a868", "#8172b3")


class Schedule:
    """The best schedule that was found, and the front it is from.

    Attributes:
        latency: clock cycles (halves are possible).
        energy: pJ.
        energy_parts: pJ by cause: ``compute``, ``memory``, ``link``, ``offchip_link``, ``offchip_memory``, ...
        notes: what the reader of the inputs remarked.
    """

    def __init__(self, data: Mapping[str, Any], notes: Optional[list[str]] = None,
                 request: Optional[Mapping[str, Any]] = None, result: Optional[Result] = None) -> None:
        self._data = dict(data)
        self._request = dict(request or {})
        self._result = result
        self.notes = list(notes or [])
        self.workload: str = data.get("workload", "")
        self.accelerator: str = data.get("accelerator", "")
        self.mode: str = data.get("mode", "")
        self.latency = float(data["latency"])
        self.energy = float(data["energy"]["total"])
        self.energy_parts = {name: float(value) for name, value in data["energy"].items()
                             if name != "total" and not isinstance(value, dict)}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_result": None}

    @property
    def nodes(self) -> Any:
        """Computation nodes, one row each: layer, id, sub_id, group, core, start, end (cycles), energy (pJ)."""
        return table_of_rows(self._data.get("nodes", []),
                             ["layer", "id", "sub_id", "group", "core", "start", "end", "energy"])

    @property
    def transfers(self) -> Any:
        """Transfers between cores, one row each: tensor, from, to (cores), start, end (cycles), bits, energy (pJ)."""
        return table_of_rows(self._data.get("transfers", []),
                             ["tensor", "from", "to", "start", "end", "bits", "energy"])

    @property
    def memory(self) -> Any:
        """Memories, one row each: core, memory, capacity and peak in bits."""
        return table_of_rows(self._data["memory"], ["core", "memory", "capacity", "peak"])

    @property
    def allocation(self) -> list[dict[str, Any]]:
        """Layers with the cores of their groups; can be given to `schedule` as ``allocation``."""
        return list(self._data["allocation"])

    @property
    def front(self) -> Any:
        """Schedules that no other found beats in all objectives: latency, energy, allocation."""
        return table_of_rows(self._data["search"]["front"], ["latency", "energy", "allocation"])

    def to_dict(self) -> dict[str, Any]:
        """The result document, schema ``ridgeline.schedule/1`` (docs/results.md)."""
        return self._data

    def _form(self, name: str) -> str:
        result = self._result
        if result is None:
            # A schedule from elsewhere (unpickled, or of a study) is evaluated again, as it is.
            if not self._request:
                raise ValueError("this schedule does not know what it was made from")
            result = call("schedule", {**self._request, "allocation": self._data})[0].check()
        text = result.form(name)
        if text is None:
            raise ValueError(f"a schedule has no form '{name}'")
        return text

    def trace(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes a trace for https://ui.perfetto.dev: one track a core, link and memory; a cycle is a microsecond."""
        pathlib.Path(path).write_text(self._form("trace"), encoding="utf-8")

    def text(self) -> str:
        """The result as ``ridgeline schedule`` prints it."""
        return self._form("text")

    def __repr__(self) -> str:
        return (f"<Schedule of {self.workload} on {self.accelerator}, {self.mode}: {quantity(self.energy, 'pJ', 4)}, "
                f"{self.latency:.6g} cycles>")

    def _repr_svg_(self) -> str:
        """When which core computes which layer."""
        nodes = self._data.get("nodes", [])
        cores = sorted({node["core"] for node in nodes})
        layers = list(dict.fromkeys(node["layer"] for node in nodes))
        colour = {layer: _COLOURS[i % len(_COLOURS)] for i, layer in enumerate(layers)}
        width, left, row = 760, 70, 26
        scale = (width - left - 10) / (self.latency or 1)
        parts = []
        for line, core in enumerate(cores):
            parts.append(f"<text x='4' y='{line * row + 18}'>core {core}</text>")
        for node in nodes:
            x = left + scale * float(node["start"])
            w = max(0.5, scale * (float(node["end"]) - float(node["start"])))
            title = f"{node['layer']} ({node['sub_id']}): {node['start']:g} to {node['end']:g}"
            parts.append(f"<rect x='{x:.1f}' y='{cores.index(node['core']) * row + 4}' width='{w:.1f}' height='{row - 6}' "
                         f"fill='{colour[node['layer']]}'><title>{html.escape(title)}</title></rect>")
        height = len(cores) * row + 24
        parts.append(f"<text x='{left}' y='{height - 6}'>0</text>"
                     f"<text x='{width - 8}' y='{height - 6}' text-anchor='end'>{self.latency:g} cycles</text>")
        return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='sans-serif' "
                f"font-size='12'>{''.join(parts)}</svg>")

    def _repr_html_(self) -> str:
        energy = ", ".join(f"{name} {value:.4g}" for name, value in self.energy_parts.items() if value)
        return (f"<b>{html.escape(self.workload)} on {html.escape(self.accelerator)}</b>, {html.escape(self.mode)}: "
                f"{quantity(self.energy, 'pJ', 4)} ({energy}), {self.latency:.6g} cycles<br>{self._repr_svg_()}")


def schedule(workload: _documents.Workload, accelerator: _documents.Document,
             mapping: Optional[_documents.Document] = None, *, mode: str = "fused",
             allocation: Optional[Any] = None, stacks: Optional[Any] = None,
             granularity: Optional[Mapping[str, Any]] = None, dims: Optional[Mapping[str, int]] = None,
             threads: Optional[int] = None, note: Optional[Note] = None, progress: Optional[Progress] = None,
             **options: Any) -> Schedule:
    """Schedules a network on a multi-core system, with the best allocation of its layers that the search finds.

    Args:
        workload: an ONNX file, a workload document (path, or a list of dictionaries), or an ``onnx.ModelProto``.
        accelerator: document of a multi-core system, by path or as a dictionary (paths of cores in a dictionary are
            relative to the working directory).
        mapping: a document, by path or as a list of dictionaries.
        mode: ``fused`` or ``layer-by-layer``.
        allocation: evaluate just this one: a `Schedule`, its `allocation`, or a path.
        stacks: layers that are fused with each other: a list of lists of ids or names, a path, or ``packed``.
        granularity: ways to cut each stack, such as ``{"OY": [1, 2, "all"]}``.
        dims: values of symbolic dimensions of ONNX models.
        threads: default: all processors of this process.
        note, progress: as for `ridgeline.evaluate`.
        **options: every other option of ``ridgeline schedule`` by its name, such as ``population=32`` or
            ``detail="full"`` (``ridgeline schedule --help``).

    Raises:
        InputError: what is wrong with a document or option, and where.
        Infeasible: nothing that is feasible was found.
        FileError: a file that cannot be read.
        KeyboardInterrupt: Ctrl-C ends the search at once.
    """
    if granularity is not None and len(granularity) != 1:
        raise InputError("", "granularity", "one dimension is cut at a time", "give {'OY': [1, 2, 'all']}")
    if isinstance(allocation, Schedule):
        allocation = allocation.to_dict()
    with _documents.workload(workload) as given:
        request = _documents.options({
            "workload": given, "accelerator": _documents.document(accelerator, "accelerator"),
            "mapping": None if mapping is None else _documents.document(mapping, "mapping"), "mode": mode,
            "allocation": None if allocation is None else _documents.document(allocation, "allocation"),
            "stacks": None if stacks is None else _documents.document(stacks, "stacks"),
            "granularity": granularity, "dim": dims, "threads": threads, **options})
        result, notes = call("schedule", request, note, progress)
    result.check()
    return Schedule(result.json(), notes, request, result)
