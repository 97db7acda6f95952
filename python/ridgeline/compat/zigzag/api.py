"""``zigzag.api``: the same calls, signatures and return shapes, a thousand times sooner."""
from __future__ import annotations

import json
import os
import pathlib
import pickle
from datetime import datetime
from typing import Any, Literal, Optional

from ... import _documents
from ..._library import call
from ...errors import raise_for
from .._names import unsupported
from .cme import Accelerator, CostModelEvaluation, CumulativeCME, dumps

_CALL = "get_hardware_performance_zigzag"


def _choice(name: str, value: Any, choices: dict[str, str], why: str) -> str:
    if value not in choices:
        raise unsupported(_CALL, name, value, f"{why}; one of {', '.join(choices)}")
    return choices[value]


def get_hardware_performance_zigzag(
        workload: Any, accelerator: str, mapping: str, *,
        temporal_mapping_search_engine: Literal["loma", "salsa"] = "loma",
        temporal_mapping_type: Literal["uneven", "even"] = "uneven", opt: str = "latency",
        dump_folder: Optional[str] = None, pickle_filename: Optional[str] = None, lpf_limit: int = 6,
        nb_spatial_mappings_generated: int = 3, in_memory_compute: bool = False, exploit_data_locality: bool = False,
        enable_mix_spatial_mapping: bool = False, loma_show_progress_bar: bool = True) -> Any:
    """Energy and latency of a workload on an accelerator, as ZigZag gives them.

    Args:
        workload: path of an ONNX model or a workload document, a list of layers as such a document has them, or an
            ``onnx.ModelProto``.
        accelerator, mapping: paths of documents.
        temporal_mapping_search_engine: ``loma``; ``salsa`` is answered by the engine ``anneal``, which searches the
            same way with other random numbers.
        temporal_mapping_type: ``uneven`` or ``even``.
        opt: what each layer's mapping minimises: ``latency``, ``energy`` or ``EDP``.
        dump_folder: where files of each layer are written; default: ``outputs/`` and the time of the call.
        pickle_filename: where the list of the layers' evaluations is pickled; default: in `dump_folder`.
        lpf_limit: largest number of loops that ``loma`` permutes.
        nb_spatial_mappings_generated: spatial mappings to generate where the mapping document gives none.
        in_memory_compute: also return clock period and area of an in-memory-computing array; brings
            `enable_mix_spatial_mapping` along.
        exploit_data_locality: keep activations in the lowest memory that fits them between layers.
        enable_mix_spatial_mapping: allow several loop dimensions on one array dimension; brings
            `exploit_data_locality` along.
        loma_show_progress_bar: show one, where tqdm is installed.

    Returns:
        ``(energy, latency, cmes)``: pJ, cycles, and ``[(sum, [(evaluation of a layer, None), ...])]``;
        ``(energy, latency, tclk, area, cmes)`` with `in_memory_compute`.

    Raises:
        NotImplementedError: an argument has a value that is not supported; it is named.
        ridgeline.InputError, ridgeline.Infeasible: as `ridgeline.evaluate` does.
    """
    engine = _choice("temporal_mapping_search_engine", temporal_mapping_search_engine,
                     {"loma": "loma", "salsa": "anneal"}, "there are two engines")
    even = _choice("temporal_mapping_type", temporal_mapping_type, {"uneven": "", "even": "even"},
                   "mappings are of two types")
    objective = _choice("opt", opt, {"latency": "latency", "energy": "energy", "EDP": "edp"},
                        "it is no criterion of the search")
    # As there, the flags bring each other along.
    mixed = enable_mix_spatial_mapping or in_memory_compute
    with _documents.workload(workload) as given:
        request = {"workload": given, "accelerator": _documents.document(accelerator, "accelerator"),
                   "mapping": _documents.document(mapping, "mapping"), "engine": engine, "even": bool(even),
                   "objective": objective, "lpf_limit": lpf_limit,
                   "spatial_candidates": nb_spatial_mappings_generated, "keep_on_chip": exploit_data_locality or mixed,
                   "mixed_spatial": mixed, "detail": "full"}
        bar = _progress_bar() if loma_show_progress_bar else None
        try:
            result, _ = call("evaluate", request, None, bar)
        finally:
            if bar is not None:
                bar.close()
    raise_for(result.status, result.problem())
    data = result.json()
    core = Accelerator(data["accelerator_details"])
    circuit = None
    if "area" in data:
        circuit = {"tclk": data["clock"]["period"], "area_total": data["area"]["total"],
                   "imc_area": data["area"]["array"], "mem_area": data["area"]["memories"]}
    layers = [CostModelEvaluation(layer, core, circuit) for layer in data["layers"]]
    total = CumulativeCME()
    for layer in layers:
        total = total + layer
    # The totals as they were added up, layer by layer.
    total.energy_total, total.latency_total2 = data["total"]["energy"], data["total"]["latency"]
    folder = pathlib.Path(dump_folder if dump_folder is not None else f"outputs/{datetime.now()}")
    _dump(folder, layers, total)
    _pickle(pathlib.Path(pickle_filename) if pickle_filename is not None else folder / "list_of_cmes.pickle", layers)
    cmes = [(total, [(layer, None) for layer in layers])]
    if not in_memory_compute:
        return total.energy_total, total.latency_total2, cmes
    return (total.energy_total, total.latency_total2, *_clock_and_area(layers), cmes)


def get_hardware_performance_zigzag_imc(*args: Any, **kwargs: Any) -> Any:
    """The same for in-memory-computing arrays: ``(energy, latency, tclk, area, cmes)``."""
    given: dict[str, Any] = {**kwargs, "in_memory_compute": True}
    return get_hardware_performance_zigzag(*args, **given)


def _progress_bar() -> Any:
    from ...exploration import _Bar
    return _Bar("layers")


def _clock_and_area(layers: list[CostModelEvaluation]) -> tuple[float, float]:
    if not layers or layers[0]._circuit is None:
        raise unsupported(_CALL, "in_memory_compute", True, "the accelerator is no in-memory-computing array")
    return layers[0].tclk, layers[0].area_total


def _dump(folder: pathlib.Path, layers: list[CostModelEvaluation], total: CumulativeCME) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        name = layer.layer.name.replace("/", "_")
        (folder / f"{name}_complete.json").write_text(dumps(layer), encoding="utf-8")
    (folder / "overall_simple.json").write_text(json.dumps(total.__simplejsonrepr__(), indent=4), encoding="utf-8")
    (folder / "loop_ordering.txt").write_text("\n".join(layer.loop_ordering() for layer in layers), encoding="utf-8")


def _pickle(path: pathlib.Path, layers: list[CostModelEvaluation]) -> None:
    if os.fspath(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        pickle.dump(layers, file)
