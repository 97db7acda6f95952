"""``stream.api``: the calls of its tutorial, with their signatures and return shapes."""
from __future__ import annotations

import pathlib
import pickle
from typing import Any, Literal, Optional

from ...scheduling import Schedule, schedule
from .._names import unsupported
from .scme import StreamCostModelEvaluation

_MODES = {"lbl": "layer-by-layer", "fused": "fused"}


def _checked(call: str, mode: str, temporal_mapping_type: str) -> None:
    if mode not in _MODES:
        raise unsupported(call, "mode", mode, "one of lbl, fused")
    if temporal_mapping_type not in ("uneven", "even"):
        raise unsupported(call, "temporal_mapping_type", temporal_mapping_type, "one of uneven, even")


def _kept(output_path: str, experiment_id: str) -> pathlib.Path:
    return pathlib.Path(output_path) / experiment_id / "scme.pickle"


def _keep(evaluation: StreamCostModelEvaluation, path: pathlib.Path) -> StreamCostModelEvaluation:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        pickle.dump(evaluation, file)
    return evaluation


def _load(path: pathlib.Path) -> StreamCostModelEvaluation:
    with open(path, "rb") as file:
        evaluation = pickle.load(file)
    if not isinstance(evaluation, StreamCostModelEvaluation):
        raise ValueError(f"{path} holds no evaluation of this package")
    return evaluation


def _scheduled(hardware: str, workload: Any, mapping: str, mode: str,
               layer_stacks: Optional[list[tuple[int, ...]]], temporal_mapping_type: str, **search: Any) -> Schedule:
    stacks = None if layer_stacks is None else [list(stack) for stack in layer_stacks]
    return schedule(workload, hardware, mapping, mode=_MODES[mode], stacks=stacks,
                    even=temporal_mapping_type == "even", detail="full", **search)


def optimize_allocation_ga(
        hardware: str, workload: str, mapping: str, mode: Literal["lbl", "fused"],
        layer_stacks: Optional[list[tuple[int, ...]]], nb_ga_generations: int, nb_ga_individuals: int,
        experiment_id: str, output_path: str, skip_if_exists: bool = False,
        temporal_mapping_type: str = "uneven") -> StreamCostModelEvaluation:
    """The best schedule that a genetic algorithm over the allocation of layers to cores finds.

    Args:
        hardware, workload, mapping: paths of documents, or an ONNX model.
        mode: ``lbl`` (layer by layer) or ``fused``.
        layer_stacks: ids of the layers that are fused with each other; None: as many as the cores have room for the
            weights of.
        nb_ga_generations, nb_ga_individuals: of the genetic algorithm.
        experiment_id, output_path: the evaluation is pickled into ``OUTPUT_PATH/EXPERIMENT_ID/scme.pickle``.
        skip_if_exists: give back what is pickled there, where there is something.
        temporal_mapping_type: ``uneven`` or ``even``.

    Raises:
        NotImplementedError: an argument has a value that is not supported; it is named.
        ridgeline.InputError, ridgeline.Infeasible: as `ridgeline.schedule` does.
    """
    _checked("optimize_allocation_ga", mode, temporal_mapping_type)
    path = _kept(output_path, experiment_id)
    if skip_if_exists and path.exists():
        return _load(path)
    found = _scheduled(hardware, workload, mapping, mode, layer_stacks, temporal_mapping_type,
                       generations=nb_ga_generations, population=nb_ga_individuals)
    return _keep(StreamCostModelEvaluation(found), path)


def optimize_allocation_co(
        hardware: str, workload: str, mapping: str, mode: Literal["lbl", "fused"],
        layer_stacks: Optional[list[tuple[int, ...]]], experiment_id: str, output_path: str,
        skip_if_exists: bool = False, temporal_mapping_type: str = "uneven") -> StreamCostModelEvaluation:
    """The same by constraint optimisation: answered where the mapping document leaves nothing to optimise.

    Raises:
        NotImplementedError: where it leaves a choice, or an argument has a value that is not supported.
    """
    _checked("optimize_allocation_co", mode, temporal_mapping_type)
    path = _kept(output_path, experiment_id)
    if skip_if_exists and path.exists():
        return _load(path)
    found = _scheduled(hardware, workload, mapping, mode, layer_stacks, temporal_mapping_type, generations=0,
                       population=2)
    if found.to_dict()["search"]["engine"] != "none":
        raise unsupported("optimize_allocation_co", "mapping", mapping,
                          "it leaves a choice of cores, and there is no constraint solver; optimize_allocation_ga, or "
                          "ridgeline.schedule(..., search='exhaustive'), searches")
    return _keep(StreamCostModelEvaluation(found), path)


_ELSEWHERE = ("optimize_allocation_co_generic", "optimize_allocation_co_generic_workload",
              "optimize_allocation_co_with_mapping", "optimize_mapping", "parse_accelerator_ir", "parse_workload_ir",
              "hardware_cost_report", "workload_graph_view", "evaluate_mapping", "select_mapping", "generate_code",
              "default_families", "SolveOptions")


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        raise NotImplementedError(f"{name} is a call of later versions of Stream, which is not answered here")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
