"""Study files of ``ridgeline explore`` (docs/study-file.md). Needs h5py and numpy."""
from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import shlex
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

from ._tables import table
from .errors import RidgelineError
from .evaluation import Evaluation, evaluate
from .scheduling import Schedule, schedule

FORMAT = "ridgeline-study"
KNOWN_VERSIONS = (1, 2)
STATUS = ("ok", "infeasible", "pruned", "error")


class ResultError(RidgelineError):
    """A file that is no study file, or lacks what is asked for."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter of a study: its name, and the labels of its values."""

    name: str
    labels: list[str]

    @property
    def numbers(self) -> Optional[list[float]]:
        """The labels as numbers, or None where one is not a number."""
        try:
            numbers = [float(label) for label in self.labels]
        except ValueError:
            return None
        return numbers if all(map(math.isfinite, numbers)) else None


@dataclasses.dataclass(frozen=True)
class Objective:
    """An objective of a study: its name, its unit, and whether more is better."""

    name: str
    unit: str
    maximised: bool

    @property
    def title(self) -> str:
        return self.name + (f" ({self.unit})" if self.unit not in ("", "1") else "")


class Candidate(Mapping[str, Any]):
    """A row of a study: parameters and objectives by name, and the id of its design. It is not a number, and
    `Study.design` takes it as it is, so a row and an id cannot be mixed up.

    Attributes:
        id: of the design.
        row: place among the study's candidates, from 0.
    """

    def __init__(self, identifier: int, row: int, values: Mapping[str, Any]) -> None:
        self.id = identifier
        self.row = row
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Candidate {self.id}: {', '.join(f'{name}={value}' for name, value in self._values.items())}>"


class Design(Mapping[str, Any]):
    """The documents of a front member by name, as Python values; and what it costs.

    Attributes:
        id: of the design.
    """

    def __init__(self, study: "Study", identifier: int, documents: Mapping[str, Any]) -> None:
        self._study = study
        self.id = identifier
        self._documents = dict(documents)

    def __getitem__(self, name: str) -> Any:
        return self._documents[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)

    def __len__(self) -> int:
        return len(self._documents)

    def __repr__(self) -> str:
        return f"<Design {self.id} of {self._study.path}: {', '.join(self._documents)}>"

    @property
    def workloads(self) -> list[str]:
        """Paths of the study's workloads. Raises ResultError where they are not found (`Study.documents_in`)."""
        return [str(self._study.resolve(entry["path"])) for entry in self._study.document["workloads"]]

    def evaluate(self, workload: Optional[str] = None, **options: Any) -> Evaluation:
        """Evaluates it again, with the study's own options, on one of its workloads (the first).

        The study's figures are those of all its workloads, by weight. Options given here have the last word."""
        self._one_kind(single=True)
        search = dict(self._study.document.get("mapping_search", {}))
        path, dims = self._workload(workload)
        given: dict[str, Any] = {**search, "seed": self._study.document.get("seed"), "dims": dims, **options}
        return evaluate(path, self["accelerator"], self["mapping"], **given)

    def schedule(self, workload: Optional[str] = None, **options: Any) -> Schedule:
        """Schedules it again: the mode, cut and allocation that the study found for this workload (the first)."""
        self._one_kind(single=False)
        search = self._study.document.get("mapping_search", {})
        own = self._study.document.get("schedule_search", {})
        path, dims = self._workload(workload)
        found = self["schedule"][self.workloads.index(path)]
        engine = {"engine": search.get("engine")} if "node_objective" in own else {}
        given: dict[str, Any] = {
            "mode": found["mode"], "allocation": found, "node_objective": own.get("node_objective"), **engine,
            **{name: search.get(name) for name in ("lpf_limit", "node_limit", "spatial_candidates", "mixed_spatial",
                                                   "even")},
            "objective": own.get("objective"), "seed": self._study.document.get("seed"), "dims": dims, **options}
        return schedule(path, self["accelerator"], self["mapping"], **given)

    def _one_kind(self, single: bool) -> None:
        if single == ("cores" in self["accelerator"]):
            raise ResultError(f"design {self.id} is a {'multi-core system: schedule' if single else 'single core: evaluate'} "
                              "it")

    def _workload(self, name: Optional[str]) -> tuple[str, Optional[dict[str, int]]]:
        entries = self._study.document["workloads"]
        for entry, path in zip(entries, self.workloads):
            if name is None or name in (path, entry["path"], pathlib.Path(path).stem):
                return path, entry.get("dims")
        raise ResultError(f"the study has no workload '{name}'; there are: "
                          f"{', '.join(entry['path'] for entry in entries)}")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _ordered(group: Any) -> list[tuple[str, Any]]:
    return sorted(group.items(), key=lambda item: int(item[1].attrs["order"]))


class Study:
    """A study file, read as it is asked for. Usable in a ``with`` statement.

    A study that is still running, or was stopped before it wrote its file, is opened from the snapshots beside it
    (``study.h5.d/``): then it has the members of the front as of the last checkpoint alone, and `running` is True.

    Args:
        path: the file, or where it is going to be.
        documents_in: the folder that the study document's paths are relative to, where it is not found by itself;
            only `Design.evaluate` and `Design.schedule` read there.

    Attributes:
        name, status, document: of the study; the document has every default filled in.
        parameters, objectives: lists of `Parameter` and `Objective`.
        attributes, notes: of the file.
    """

    def __init__(self, path: Union[str, "os.PathLike[str]"],
                 documents_in: Union[str, "os.PathLike[str]", None] = None) -> None:
        self.path = os.fspath(path)
        self.documents_in = None if documents_in is None else pathlib.Path(documents_in)
        self.running = False
        self._files = [self._open(self.path)] if os.path.exists(self.path) else self._snapshots()
        first = self._files[0]
        attributes = first.attrs
        self.attributes = {name: _text(value) if isinstance(value, (bytes, str)) else value
                           for name, value in attributes.items()}
        self.notes = {name: _text(value) for name, value in first["notes"].attrs.items()}
        self.document: dict[str, Any] = json.loads(self.attributes["study"] or "{}")
        self.name: str = self.document.get("name", "study")
        self.status: str = self.attributes["status"]
        candidates = first["candidates"]
        self.parameters = [Parameter(name, [_text(label) for label in column.attrs["labels"]])
                           for name, column in _ordered(candidates["parameters"])]
        self.objectives = [Objective(name, _text(column.attrs["unit"]), _text(column.attrs["goal"]) == "max")
                           for name, column in _ordered(candidates["objectives"])]

    def _open(self, path: str) -> Any:
        try:
            import h5py
        except ImportError as error:
            raise ResultError("study files are read with h5py and numpy, which are not installed") from error
        try:
            file = h5py.File(path, "r", locking=False)
        except OSError as error:
            raise ResultError(f"{path}: cannot be read as HDF5: {error}") from error
        if _text(file.attrs.get("format", "")) != FORMAT:
            raise ResultError(f"{path}: this HDF5 file is no study file of `ridgeline explore`")
        version = int(file.attrs["format_version"])
        if version not in KNOWN_VERSIONS:
            raise ResultError(f"{path}: format version {version} is not known to this package; take the one that came "
                              "with the program that wrote the file")
        return file

    def _snapshots(self) -> list[Any]:
        folder = pathlib.Path(self.path + ".d")
        found = sorted(folder.glob("run-*.rank-*.snapshot.h5"))
        if not found:
            more = ": it has no checkpoint yet" if folder.is_dir() else ""
            raise ResultError(f"{self.path}: there is no such study{more}")
        self.running = True
        return [self._open(str(path)) for path in found]

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.ids())

    def __repr__(self) -> str:
        return f"<Study {self.name}: {len(self)} candidates, {self.status}{', running' if self.running else ''}>"

    # --- Columns, as numpy arrays, one entry a candidate.

    def _column(self, read: Any) -> Any:
        import numpy
        columns = [read(file) for file in self._files]
        if not self.running:
            return columns[0]
        # Ranks may know the same candidate from several runs.
        ids = numpy.concatenate([file["candidates/id"][()] for file in self._files])
        _, first = numpy.unique(ids, return_index=True)
        return numpy.concatenate(columns)[first]

    def ids(self) -> Any:
        """Ids of the designs, sorted."""
        return self._column(lambda file: file["candidates/id"][()])

    def status_codes(self) -> Any:
        """0 ok, 1 infeasible, 2 pruned, 3 error: places in STATUS."""
        return self._column(lambda file: file["candidates/status"][()]).astype("uint8")

    def value_indices(self, parameter: str) -> Any:
        """Places in `Parameter.labels`."""
        return self._column(lambda file: file["candidates/parameters"][parameter][()])

    def objective(self, name: str) -> Any:
        """NaN unless the candidate is ok."""
        return self._column(lambda file: file["candidates/objectives"][name][()])

    def front_rows(self) -> Any:
        """Rows of the front, sorted by objectives, then id."""
        import numpy
        if not self.running:
            return self._files[0]["pareto/candidate"][()].astype(numpy.int64)
        points = self._points(numpy.arange(len(self)))
        ok = self.status_codes() == 0
        front = [row for row in range(len(points)) if ok[row] and not any(
            ok[other] and (points[other] <= points[row]).all() and (points[other] < points[row]).any()
            for other in range(len(points)))]
        return numpy.array(sorted(front, key=lambda row: (*points[row], self.ids()[row])), dtype=numpy.int64)

    def _points(self, rows: Any) -> Any:
        """Objectives of rows, smaller is better."""
        import numpy
        return numpy.column_stack([self.objective(o.name)[rows] * (-1 if o.maximised else 1) for o in self.objectives])

    # --- Tables.

    def _parameter_values(self, parameter: Parameter) -> Any:
        import numpy
        numbers = parameter.numbers
        if numbers is None:
            return numpy.array(parameter.labels, dtype=object)
        labels = numpy.array(numbers, dtype=float)
        if numpy.all(labels == numpy.round(labels)) and numpy.all(abs(labels) < 2**53):
            return labels.astype(numpy.int64)
        return labels

    def _rows(self, rows: Any, with_status: bool) -> Any:
        import numpy
        at: Any = slice(None) if rows is None else rows
        columns: dict[str, Any] = {"id": self.ids()[at]}
        if with_status:
            columns["status"] = numpy.array(STATUS, dtype=object)[self.status_codes()[at]]
        for parameter in self.parameters:
            columns[parameter.name] = self._parameter_values(parameter)[self.value_indices(parameter.name)[at]]
        for objective in self.objectives:
            columns[objective.name] = self.objective(objective.name)[at]
        if with_status:
            messages = self._column(lambda file: file["candidates/message"][()])
            columns["message"] = numpy.array([_text(m) for m in messages[at]], dtype=object)
        return table(columns)

    def candidates(self) -> Any:
        """Every candidate: id, status, a column a parameter (numbers where all labels are), a column an objective
        (NaN unless ok) and the message. A pandas data frame, or a `ridgeline.Table` without pandas."""
        return self._rows(None, True)

    def front(self) -> Any:
        """The Pareto front in its order: id, parameters, objectives."""
        return self._rows(self.front_rows(), False)

    def convergence(self) -> Any:
        """seconds, evaluated, hypervolume, gap, front_size: one row a moment."""
        group = self._files[0]["convergence"]
        return table({name: group[name][()] for name in ("seconds", "evaluated", "hypervolume", "gap", "front_size")})

    def candidate(self, identifier: int) -> Candidate:
        """The candidate with this id. Raises KeyError where the study has none."""
        import numpy
        ids = self.ids()
        row = int(numpy.searchsorted(ids, identifier))
        if row >= len(ids) or int(ids[row]) != int(identifier):
            raise KeyError(f"the study has no candidate {identifier}")
        return self._candidate(row)

    def _candidate(self, row: int) -> Candidate:
        values: dict[str, Any] = {
            parameter.name: self._parameter_values(parameter)[self.value_indices(parameter.name)[row]]
            for parameter in self.parameters}
        values.update({objective.name: float(self.objective(objective.name)[row]) for objective in self.objectives})
        return Candidate(int(self.ids()[row]), row, values)

    # --- Designs on the front.

    def design_ids(self) -> list[int]:
        """Ids of the designs whose documents are kept."""
        return sorted({int(name) for file in self._files for name in file["designs"]})

    def design(self, which: Union[int, Candidate]) -> Design:
        """A front member by its id, or as `best` and `knee` give it. Raises ResultError where it is not kept."""
        identifier = which.id if isinstance(which, Candidate) else int(which)
        for file in self._files:
            group = file["designs"].get(str(identifier))
            if group is not None:
                return Design(self, identifier, {name: json.loads(_text(text[()])) for name, text in group.items()})
        kept = ", ".join(map(str, self.design_ids()[:20]))
        raise ResultError(f"{self.path}: design {identifier} is not kept" +
                          (f"; those are: {kept}" if kept else ": a study has the documents of its front when it is complete"))

    def resolve(self, path: str) -> pathlib.Path:
        """A path of the study document, relative to where that lies. Raises ResultError where no file is there."""
        if os.path.isabs(path):
            return pathlib.Path(path)
        places = [] if self.documents_in is None else [self.documents_in]
        if self.documents_in is None:
            words = shlex.split(self.attributes.get("command", ""))
            places += [pathlib.Path(word).parent for word in words if word.endswith((".yaml", ".yml", ".json"))]
            places += [pathlib.Path(self.path).parent, pathlib.Path()]
        for place in places:
            if (place / path).is_file():
                return place / path
        raise ResultError(f"{self.path}: {path} is in none of {', '.join(str(place) or '.' for place in places)}; give "
                          "Study(path, documents_in=...) the folder of the study document")

    # --- What people ask first.

    def knee(self) -> Optional[Candidate]:
        """The front member nearest to the best of everything, each objective scaled to 0..1 over the front; None where
        there is no front."""
        import numpy
        rows = self.front_rows()
        if not len(rows):
            return None
        points = self._points(rows)
        low, high = points.min(axis=0), points.max(axis=0)
        scaled = (points - low) / numpy.where(high > low, high - low, 1)
        return self._candidate(int(rows[numpy.argmin((scaled**2).sum(axis=1))]))

    def best(self, objective: Optional[str] = None) -> Any:
        """The best candidate for an objective; without one a dictionary, by objective, of the best for each. Members of
        the front; None, or an empty dictionary, where there is none."""
        import numpy
        rows = self.front_rows()
        names = [o.name for o in self.objectives]
        if objective is not None and objective not in names:
            raise KeyError(f"the study has no objective '{objective}'; there are: {', '.join(names)}")
        if not len(rows):
            return {} if objective is None else None
        points = self._points(rows)
        found = {name: self._candidate(int(rows[numpy.argmin(points[:, o])])) for o, name in enumerate(names)}
        return found if objective is None else found[objective]

    def sensitivity(self) -> dict[str, dict[str, tuple[float, Optional[str], float]]]:
        """``{objective: {parameter: (explained, best label, spread)}}`` as ``ridgeline report`` gives it: the share of
        the objective's variance that is between the parameter's values, the value with the best mean, and the worst
        over the best mean. Of logarithms (geometric means) where all values are positive."""
        import numpy
        ok = self.status_codes() == 0
        result: dict[str, dict[str, tuple[float, Optional[str], float]]] = {}
        for objective in self.objectives:
            values = self.objective(objective.name)[ok]
            logarithmic = bool(len(values)) and bool((values > 0).all())
            response = numpy.log(values) if logarithmic else values
            # A spread at the level of rounding is none.
            varies = len(values) > 0 and response.var() > 1e-24 * response.mean() ** 2
            result[objective.name] = {}
            for parameter in self.parameters:
                indices = self.value_indices(parameter.name)[ok]
                count = numpy.bincount(indices, minlength=len(parameter.labels))
                present = numpy.flatnonzero(count)
                if not len(present):
                    result[objective.name][parameter.name] = (math.nan, None, math.nan)
                    continue
                means = numpy.bincount(indices, weights=response, minlength=len(count))[present] / count[present]
                between = (count[present] * (means - response.mean()) ** 2).sum() / len(values)
                best = parameter.labels[present[numpy.argmax(means) if objective.maximised else numpy.argmin(means)]]
                if logarithmic:
                    spread = math.exp(means.max() - means.min())
                else:
                    spread = float(means.max() / means.min()) if means.min() else math.nan
                result[objective.name][parameter.name] = (float(between / response.var()) if varies else math.nan, best,
                                                          float(spread))
        return result


def status_counts(codes: Sequence[int]) -> dict[str, int]:
    """Candidates by status."""
    return {name: sum(1 for code in codes if code == place) for place, name in enumerate(STATUS)}
