"""Studies: whole ones, and their spaces for an optimiser of one's own."""
from __future__ import annotations

import ctypes
import json
import os
import pathlib
import random
import weakref
from typing import Any, Iterable, Mapping, Optional, Sequence, Union

from . import _documents
from ._library import Note, Progress, Result, call, interruptible, library, opened, request_text
from ._tables import table_of_rows
from .errors import InputError
from .study import Objective, Parameter, Study


class _Bar:
    """A progress bar of tqdm, where there is one."""

    def __init__(self, what: str) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            self._bar: Any = None
        else:
            self._bar = tqdm(desc=what, unit="design")

    def __call__(self, done: float, everything: float) -> None:
        if self._bar is not None:
            self._bar.total = everything
            self._bar.n = done
            self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def explore(study: _documents.Document, output: Union[str, "os.PathLike[str]", None] = None, *,
            resume: bool = False, force: bool = False, threads: Optional[int] = None,
            progress: Union[bool, Progress] = True, note: Optional[Note] = None, **options: Any) -> Study:
    """Explores the architecture space of a study in this process, and opens the study file that it writes.

    Ctrl-C stops it: what is finished is kept beside the file, and the same call with ``resume=True`` goes on.

    Args:
        study: a study document, by path or as a dictionary (its paths are then relative to the working directory).
        output: the study file to write; default: the document's name with ``.h5``.
        resume: continue an unfinished study; start one that was not begun.
        force: replace what is at `output`.
        threads: default: all processors of this process.
        progress: True for a bar of tqdm where there is one, False for none, or a function of ``(done, all)``.
        note: called with ``(detail, text)`` for what the run says.
        **options: every other option of ``ridgeline explore`` by its name, such as ``time_limit=60``.

    Raises:
        InputError: what is wrong with the study or one of its documents, and where.
        Infeasible: no design is feasible. The study file is written nevertheless.
        Stopped: a limit was reached before the study was complete.
        FileError: something cannot be read or written.
    """
    given = _documents.document(study, "study")
    if output is None:
        name = pathlib.Path(given).stem if isinstance(given, str) else str(given.get("name", "study"))
        output = name + ".h5"
    bar = _Bar("explore") if progress is True else None
    heard: Optional[Progress] = bar if progress is True else None if progress is False else progress
    try:
        result, _ = call("explore", _documents.options({
            "study": given, "output": os.fspath(output), "resume": resume, "force": force, "threads": threads,
            **options}), note, heard)
    finally:
        if bar is not None:
            bar.close()
    result.check()
    folder = pathlib.Path(given).parent if isinstance(given, str) else pathlib.Path()
    return Study(output, documents_in=folder)


class Point(Mapping[str, Any]):
    """What a design of a `Space` costs.

    Attributes:
        id: of the design, as a study of the same document would have it.
        status: ``ok``, ``infeasible`` or ``error``.
        message: why it is not ok; else empty.
        metrics: latency (cycles), energy (pJ), edp, area, utilization (0 to 1), peak_memory (bits); None unless ok.

    As a mapping it has the metrics; of a design that is not ok all of them are NaN.
    """

    def __init__(self, data: Mapping[str, Any], names: Sequence[str]) -> None:
        self.id: int = data["id"]
        self.status: str = data["status"]
        self.message: str = data["message"]
        self.metrics: Optional[dict[str, float]] = data.get("metrics")
        self._names = tuple(names)

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    def __getitem__(self, name: str) -> float:
        if name not in self._names:
            raise KeyError(name)
        return float("nan") if self.metrics is None else float(self.metrics[name])

    def __iter__(self) -> Any:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        what = self.message if self.metrics is None else ", ".join(f"{k} {v:.6g}" for k, v in self.metrics.items())
        return f"<Point {self.id}: {self.status}, {what}>"


class Space:
    """The designs of a study, for an optimiser of one's own: it proposes points, `evaluate` says what they cost.

    A point is a value for every parameter: a dictionary of labels or values, or a sequence of places in the
    parameters' values. What was searched for one point (a layer on a core) is remembered for the next.

    Args:
        study: a study document, by path or as a dictionary. Its strategy is not used.
        threads: default: all processors of this process.

    Attributes:
        name: of the study.
        parameters, objectives: lists of `Parameter` and `Objective`.
        sizes: number of values of each parameter.
    """

    METRICS = ("latency", "energy", "edp", "area", "utilization", "peak_memory")

    def __init__(self, study: _documents.Document, threads: Optional[int] = None) -> None:
        self.threads = threads or len(os.sched_getaffinity(0))
        self._pointer = opened("space", request_text({"study": _documents.document(study, "study")}))
        self._close = weakref.finalize(self, library().ridgeline_space_close, self._pointer)
        data = json.loads(library().ridgeline_space_text(self._pointer))
        self.name: str = data["name"]
        self.parameters = [Parameter(entry["name"], entry["labels"]) for entry in data["parameters"]]
        self._values = [entry["values"] for entry in data["parameters"]]
        self.objectives = [Objective(entry["name"], entry["unit"], entry["maximised"]) for entry in data["objectives"]]
        self.combinations: str = data["combinations"]
        self.sizes = [len(values) for values in self._values]

    def close(self) -> None:
        """Gives back what the library holds; the space cannot be used afterwards."""
        self._close()

    def __enter__(self) -> "Space":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Space {self.name}: {self.combinations} combinations of {', '.join(p.name for p in self.parameters)}>"

    def indices(self, point: Union[Mapping[str, Any], Sequence[int]]) -> list[int]:
        """Places in the parameters' values. Raises InputError for a point that is none of the space."""
        if isinstance(point, Mapping):
            names = [parameter.name for parameter in self.parameters]
            for name in point:
                if name not in names:
                    raise InputError("", str(name), f"there is no parameter '{name}'", f"known: {', '.join(names)}")
            places = []
            for parameter, values in zip(self.parameters, self._values):
                if parameter.name not in point:
                    raise InputError("", parameter.name, f"the point has no {parameter.name}")
                wanted = point[parameter.name]
                if wanted in values:
                    places.append(values.index(wanted))
                elif str(wanted) in parameter.labels:
                    places.append(parameter.labels.index(str(wanted)))
                else:
                    raise InputError("", parameter.name, f"{wanted!r} is no value of {parameter.name}",
                                     f"one of {', '.join(parameter.labels)}")
            return places
        places = [int(place) for place in point]
        if len(places) != len(self.sizes):
            raise InputError("", "", f"a point of {len(places)} numbers, and there are {len(self.sizes)} parameters")
        for place, size, parameter in zip(places, self.sizes, self.parameters):
            if not 0 <= place < size:
                raise InputError("", parameter.name, f"{parameter.name} has no value {place}", f"0 to {size - 1}")
        return places

    def point(self, indices: Sequence[int]) -> dict[str, Any]:
        """A point as a dictionary of values."""
        return {parameter.name: values[place]
                for parameter, values, place in zip(self.parameters, self._values, self.indices(indices))}

    def sample(self, count: int, seed: int = 42) -> list[dict[str, Any]]:
        """So many random points, the same for the same seed; `where` may exclude some of them."""
        stream = random.Random(seed)
        return [self.point([stream.randrange(size) for size in self.sizes]) for _ in range(count)]

    def evaluate(self, points: Iterable[Union[Mapping[str, Any], Sequence[int]]],
                 progress: Optional[Progress] = None) -> list[Point]:
        """What the points cost, in their order, on all threads at once. Ctrl-C ends it."""
        rows = [self.indices(point) for point in points]
        flat = [place for row in rows for place in row]
        values = (ctypes.c_int32 * max(1, len(flat)))(*flat)
        result: Result = interruptible(
            lambda hooks: Result(library().ridgeline_space_evaluate(self._pointer, len(rows), values, self.threads,
                                                                    hooks)), None, progress).value
        return [Point(entry, self.METRICS) for entry in result.check().json()]

    def table(self, points: Sequence[Union[Mapping[str, Any], Sequence[int]]], costs: Sequence[Point]) -> Any:
        """Points and what they cost, one row each: a data frame, or a `Table`."""
        return table_of_rows([{"id": cost.id, **self.point(self.indices(point)), "status": cost.status, **cost,
                               "message": cost.message} for point, cost in zip(points, costs)])

    def design(self, identifier: int) -> dict[str, Any]:
        """The documents of a design: accelerator, mapping, and schedule."""
        result: Result = interruptible(lambda hooks: Result(
            library().ridgeline_space_design(self._pointer, identifier, hooks))).value
        documents: dict[str, Any] = result.check().json()
        return documents
