"""A workload on one single-core accelerator."""
from __future__ import annotations

import html
from typing import Any, Mapping, Optional

from . import _documents
from ._library import Note, Progress, call
from ._tables import flattened, table_of_rows
from .errors import Infeasible, raise_for
from .plots import quantity


class LayerEvaluation:
    """What one layer costs, and under which mapping.

    Attributes:
        name: of the layer.
        energy: pJ.
        latency: clock cycles.
        macs: multiply-accumulates.
        infeasible: why there is no mapping; ``""`` where there is one, and the figures are set.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)
        self.name: str = data["name"]
        self.operator: str = data.get("operator", "")
        self.macs: int = data.get("macs", 0)
        self.infeasible: str = data.get("infeasible", "")
        self.energy: float = float(data["energy"]["total"]) if not self.infeasible else float("nan")
        self.latency: float = float(data["latency"]["total"]) if not self.infeasible else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """The layer's entry of the result document (docs/results.md)."""
        return self._data

    @property
    def spatial(self) -> dict[str, dict[str, float]]:
        """Array dimension to loop dimension to unrolling."""
        return dict(self._data["mapping"]["spatial"])

    @property
    def temporal(self) -> list[dict[str, Any]]:
        """Temporal loops, innermost first: ``dim``, ``size``, and ``memory`` by operand."""
        return list(self._data["mapping"]["temporal"])

    @property
    def breakdown(self) -> Any:
        """Energy in pJ: one row an operand and memory (a data frame, or a `Table`)."""
        rows = [{"operand": "", "memory": "MAC units", "energy": float(self._data["energy"]["mac"])}]
        for operand, levels in self._data["energy"]["memory"].items():
            for level in levels:
                parts = {name: value for name, value in level.items() if name != "memory"}
                rows.append({"operand": operand, "memory": level["memory"], "energy": float(sum(parts.values())),
                             **parts})
        return table_of_rows(rows)

    @property
    def loop_nest(self) -> str:
        """The mapping as nested loops, outermost first."""
        lines = []
        operands = list(self.temporal[0]["memory"]) if self.temporal else []
        for depth, loop in enumerate(reversed(self.temporal)):
            memories = "  ".join(f"{operand}: {loop['memory'][operand]}" for operand in operands)
            lines.append(f"{'  ' * depth}for {loop['dim']} in 0..{loop['size'] - 1}".ljust(36) + "  # " + memories)
        depth = len(self.temporal)
        for array, loops in self.spatial.items():
            for dim, factor in loops.items():
                lines.append(f"{'  ' * depth}parallel {dim} in 0..{factor:g} on {array}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        if self.infeasible:
            return f"<LayerEvaluation {self.name}: infeasible, {self.infeasible}>"
        return f"<LayerEvaluation {self.name}: {quantity(self.energy, 'pJ', 4)}, {self.latency:.6g} cycles>"

    def _repr_html_(self) -> str:
        if self.infeasible:
            return f"<b>{html.escape(self.name)}</b>: infeasible, {html.escape(self.infeasible)}"
        bars = [(f"{row.get('operand') or ''} {row['memory']}".strip(), row["energy"])
                for row in _rows(self.breakdown) if row["energy"] > 0]
        return (f"<b>{html.escape(self.name)}</b>: {quantity(self.energy, 'pJ', 4)}, {self.latency:.6g} cycles"
                f"{_bars(bars, 'pJ')}<pre>{html.escape(self.loop_nest)}</pre>")


def _rows(frame: Any) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.to_dict("records") if hasattr(frame, "to_dict") else frame.rows()
    return records


def _bars(values: list[tuple[str, float]], unit: str) -> str:
    most = max((value for _, value in values), default=0) or 1
    rows = "".join(
        f"<tr><td style='text-align:right'>{html.escape(name)}</td><td style='text-align:left'>"
        f"<div style='background:#4477aa;height:0.8em;width:{max(1, round(240 * value / most))}px;"
        f"display:inline-block'></div> {quantity(value, unit, 4)}</td></tr>" for name, value in values)
    return f"<table>{rows}</table>"


class Evaluation:
    """What a workload costs on an accelerator.

    Attributes:
        energy: of all layers, pJ.
        latency: of all layers, one after the other, clock cycles.
        area: in the unit of the accelerator document.
        notes: what the reader of the inputs remarked.
    """

    def __init__(self, data: Mapping[str, Any], notes: Optional[list[str]] = None) -> None:
        self._data = dict(data)
        self.notes = list(notes or [])
        self.workload: str = data["workload"]
        self.accelerator: str = data["accelerator"]
        self.energy = float(data["total"]["energy"])
        self.latency = float(data["total"]["latency"])
        self.area = float(data["total"]["area"])

    @property
    def layers(self) -> Any:
        """One row a layer, every figure of the result document a column, such as ``energy.total`` or
        ``accesses.W.rf_1B.rd_out_to_low``: a pandas data frame, or a `Table` without pandas."""
        return table_of_rows([flattened(layer) for layer in self._data["layers"]], ["name"])

    @property
    def layer_names(self) -> list[str]:
        """Names of the layers in processing order."""
        return [layer["name"] for layer in self._data["layers"]]

    def layer(self, name: str) -> LayerEvaluation:
        """The layer of this name, the first where names repeat. Raises KeyError where there is none."""
        for layer in self._data["layers"]:
            if layer["name"] == name:
                return LayerEvaluation(layer)
        raise KeyError(f"no layer '{name}'; there are: {', '.join(self.layer_names)}")

    def __iter__(self) -> Any:
        return (LayerEvaluation(layer) for layer in self._data["layers"])

    def __len__(self) -> int:
        """Number of layers."""
        return len(self._data["layers"])

    @property
    def infeasible(self) -> dict[str, str]:
        """Layers without a feasible mapping, and why; they are left out of the totals."""
        return {layer["name"]: layer["infeasible"] for layer in self._data["layers"] if "infeasible" in layer}

    def to_dict(self) -> dict[str, Any]:
        """The result document, schema ``ridgeline.evaluation/1`` (docs/results.md)."""
        return self._data

    def __repr__(self) -> str:
        return (f"<Evaluation of {self.workload} on {self.accelerator}: {quantity(self.energy, 'pJ', 4)}, "
                f"{self.latency:.6g} cycles, area {self.area:.6g}, {len(self)} layers>")

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("layer", "energy (pJ)", "cycles", "utilization"))
        rows = []
        for layer in self._data["layers"]:
            if "infeasible" in layer:
                rows.append(f"<td>{html.escape(layer['name'])}</td><td colspan=3>{html.escape(layer['infeasible'])}</td>")
                continue
            rows.append(f"<td>{html.escape(layer['name'])}</td><td>{layer['energy']['total']:.6g}</td>"
                        f"<td>{layer['latency']['total']:.6g}</td><td>{100 * layer['utilization']['overall']:.1f} %</td>")
        bars = [(layer["name"], float(layer["energy"]["total"])) for layer in self._data["layers"]
                if "infeasible" not in layer]
        return (f"<b>{html.escape(self.workload)} on {html.escape(self.accelerator)}</b>: {quantity(self.energy, 'pJ', 4)}, "
                f"{self.latency:.6g} cycles, area {self.area:.6g}<table><tr>{head}</tr>"
                f"{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{_bars(bars, 'pJ')}")


def evaluate(workload: _documents.Workload, accelerator: _documents.Document,
             mapping: Optional[_documents.Document] = None, *, objective: str = "latency",
             engine: Optional[str] = None, layers: Optional[list[str]] = None,
             dims: Optional[Mapping[str, int]] = None, threads: Optional[int] = None,
             note: Optional[Note] = None, progress: Optional[Progress] = None, **options: Any) -> Evaluation:
    """Predicts energy, latency and area of a workload, each layer with the best mapping that the search finds.

    Args:
        workload: an ONNX file, a workload document (path, or a list of dictionaries), or an ``onnx.ModelProto``.
        accelerator: a document, by path or as a dictionary.
        mapping: a document, by path or as a list of dictionaries.
        objective: what the mapping search minimises: ``latency``, ``energy`` or ``edp``.
        engine: ``exact`` (default), ``loma`` or ``anneal``.
        layers: evaluate only those with these names.
        dims: values of symbolic dimensions of ONNX models.
        threads: default: all processors of this process.
        note: called with ``(detail, text)`` for remarks as they come; they are in `Evaluation.notes` as well.
        progress: called with ``(done, all)`` layers.
        **options: every other option of ``ridgeline evaluate`` by its name, such as ``keep_on_chip=True`` or
            ``search_seconds=10`` (``ridgeline evaluate --help``).

    Raises:
        InputError: what is wrong with a document or option, and where.
        Infeasible: a layer has no feasible mapping; its `result` tells what the others cost.
        FileError: a file that cannot be read.
        KeyboardInterrupt: Ctrl-C ends the search at once.
    """
    with _documents.workload(workload) as given:
        request = _documents.options({
            "workload": given, "accelerator": _documents.document(accelerator, "accelerator"),
            "mapping": None if mapping is None else _documents.document(mapping, "mapping"),
            "objective": objective, "engine": engine, "layer": layers, "dim": dims, "threads": threads, **options})
        result, notes = call("evaluate", request, note, progress)
    data = result.json()
    if result.status == 4 and data is not None:
        evaluation = Evaluation(data, notes)
        reasons = "; ".join(f"{name}: {why}" for name, why in evaluation.infeasible.items())
        raise Infeasible(f"{(result.problem() or {}).get('message', '')}: {reasons}", evaluation)
    raise_for(result.status, result.problem())
    return Evaluation(data, notes)
