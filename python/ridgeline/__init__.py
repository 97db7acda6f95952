"""Architecture x mapping x schedule exploration for deep-learning accelerators.

What the commands of ``ridgeline`` do, as functions: `evaluate` a workload on a single core, `schedule` a network on
several, `explore` a space of architectures, `check` a document. `Study` reads what was explored, `Space` lets an
optimiser of one's own explore, `CompiledMapping` and `CompiledSchedule` are for tight loops.

Energies are pJ, latencies clock cycles, sizes bits, areas in the unit of the accelerator document. Tables are pandas
data frames where pandas is installed, else `Table`. ``ridgeline.compat`` answers the calls of ZigZag and Stream.
"""
from __future__ import annotations

from typing import Any, Mapping, Optional

from . import _documents
from ._library import call, version
from ._tables import Table
from .errors import FileError, Infeasible, InputError, LibraryError, RidgelineError, Stopped
from .evaluation import Evaluation, LayerEvaluation, evaluate
from .exploration import Point, Space, explore
from .handles import CompiledMapping, CompiledSchedule
from .scheduling import Schedule, schedule
from .study import Candidate, Design, Objective, Parameter, ResultError, Study

__all__ = [
    "evaluate", "Evaluation", "LayerEvaluation", "schedule", "Schedule", "explore", "Study", "Candidate", "Design",
    "Parameter", "Objective", "Space", "Point", "CompiledMapping", "CompiledSchedule", "check", "version", "Table",
    "RidgelineError", "InputError", "Infeasible", "FileError", "Stopped", "LibraryError", "ResultError",
]


def check(document: _documents.Document, dims: Optional[Mapping[str, int]] = None) -> str:
    """Reads one document or ONNX model as what it is, and says what it holds: ``accelerator, 32 x 32 array, 4
    memories``. Raises InputError with what is wrong."""
    request: dict[str, Any] = {"file": _documents.document(document, "document")}
    if dims:
        request["dim"] = dict(dims)
    result, _ = call("check", request)
    return str(result.check().json()["found"])
