"""Reads the study files of `ridgeline explore` (docs/study-file.md). Needs h5py and numpy only.

    from ridgeline_results import Study
    study = Study("study.h5")
    study.candidates()        # every candidate, one row each
    study.front()             # the Pareto front, in its order
    study.convergence()
    study.design(17)          # {"accelerator": {...}, "mapping": [...], ...} of a front member

Tables are pandas data frames where pandas is installed, else `Table`s: dictionaries of numpy
arrays, one a column.
"""
import json
import math

import h5py
import numpy as np

try:
    import pandas
except ImportError:
    pandas = None

FORMAT = "ridgeline-study"
KNOWN_VERSIONS = (1, 2)
STATUS = ("ok", "infeasible", "pruned", "error")


class ResultError(Exception):
    """A file that is no study file, with what is wrong with it."""


class Table(dict):
    """Columns by name, for those without pandas."""

    def __len__(self):
        return len(next(iter(self.values()))) if self.keys() else 0


class Parameter:
    def __init__(self, name, labels):
        self.name = name
        self.labels = labels

    @property
    def numbers(self):
        """The labels as numbers, or None where one is not a number."""
        try:
            numbers = [float(label) for label in self.labels]
        except ValueError:
            return None
        return numbers if all(map(math.isfinite, numbers)) else None


class Objective:
    def __init__(self, name, unit, maximised):
        self.name = name
        self.unit = unit
        self.maximised = maximised

    @property
    def title(self):
        return self.name + (f" ({self.unit})" if self.unit not in ("", "1") else "")


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _ordered(group):
    return sorted(group.items(), key=lambda item: int(item[1].attrs["order"]))


def _frame(columns):
    return Table(columns) if pandas is None else pandas.DataFrame(columns)


class Study:
    """A study file, read as it is asked for. Usable in a `with` statement."""

    def __init__(self, path):
        self.path = str(path)
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ResultError(f"{path}: cannot be read as HDF5: {error}") from error
        attributes = self._file.attrs
        if _text(attributes.get("format", "")) != FORMAT:
            raise ResultError(f"{path}: this HDF5 file is no study file of `ridgeline explore`")
        version = int(attributes["format_version"])
        if version not in KNOWN_VERSIONS:
            raise ResultError(f"{path}: format version {version} is not known to this script; take the one that "
                              "came with the program that wrote the file")
        self.attributes = {name: _text(value) if isinstance(value, (bytes, str)) else value
                           for name, value in attributes.items()}
        self.notes = {name: _text(value) for name, value in self._file["notes"].attrs.items()}
        self.document = json.loads(self.attributes["study"] or "{}")
        self.name = self.document.get("name", "study")
        self.status = self.attributes["status"]
        candidates = self._file["candidates"]
        self.parameters = [Parameter(name, [_text(label) for label in column.attrs["labels"]])
                           for name, column in _ordered(candidates["parameters"])]
        self.objectives = [Objective(name, _text(column.attrs["unit"]), _text(column.attrs["goal"]) == "max")
                           for name, column in _ordered(candidates["objectives"])]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._file.close()

    def __len__(self):
        return self._file["candidates/id"].shape[0]

    # --- Columns, as numpy arrays.

    def ids(self):
        return self._file["candidates/id"][()]

    def status_codes(self):
        """0 ok, 1 infeasible, 2 pruned, 3 error: places in STATUS."""
        return self._file["candidates/status"][()].astype(np.uint8)

    def value_indices(self, parameter):
        return self._file["candidates/parameters"][parameter][()]

    def objective(self, name):
        """NaN unless the candidate is ok."""
        return self._file["candidates/objectives"][name][()]

    def front_rows(self):
        """Rows of the front, sorted by objectives, then id."""
        return self._file["pareto/candidate"][()].astype(np.int64)

    # --- Tables.

    def _rows(self, rows, with_status):
        at = slice(None) if rows is None else rows
        columns = {"id": self.ids()[at]}
        if with_status:
            columns["status"] = np.array(STATUS, dtype=object)[self.status_codes()[at]]
        for parameter in self.parameters:
            labels = np.array(parameter.labels if parameter.numbers is None else parameter.numbers,
                              dtype=object if parameter.numbers is None else float)
            if parameter.numbers is not None and np.all(labels == np.round(labels)) and np.all(abs(labels) < 2**53):
                labels = labels.astype(np.int64)
            columns[parameter.name] = labels[self.value_indices(parameter.name)[at]]
        for objective in self.objectives:
            columns[objective.name] = self.objective(objective.name)[at]
        if with_status:
            messages = self._file["candidates/message"]
            columns["message"] = np.array([_text(m) for m in messages[()][at]], dtype=object)
        return _frame(columns)

    def candidates(self):
        """Every candidate: id, status, a column a parameter (numbers where all labels are), a column an objective
        (NaN unless ok) and the message."""
        return self._rows(None, True)

    def front(self):
        """The Pareto front in its order: id, parameters, objectives."""
        return self._rows(self.front_rows(), False)

    def convergence(self):
        """seconds, evaluated, hypervolume, front_size: one row a moment."""
        group = self._file["convergence"]
        return _frame({name: group[name][()] for name in ("seconds", "evaluated", "hypervolume", "front_size")})

    # --- Designs on the front.

    def design_ids(self):
        return sorted(int(name) for name in self._file["designs"])

    def design(self, identifier):
        """Documents of one front member by name, as Python values."""
        group = self._file["designs"].get(str(identifier))
        if group is None:
            raise ResultError(f"{self.path}: design {identifier} is not kept; those are: "
                              f"{', '.join(map(str, self.design_ids()[:20]))}")
        return {name: json.loads(_text(text[()])) for name, text in group.items()}

    # --- What people ask first.

    def knee(self):
        """Row of the front member nearest to the best of everything, each objective scaled to 0..1 over the front;
        None where there is no front."""
        rows = self.front_rows()
        if not len(rows):
            return None
        points = np.column_stack([self.objective(o.name)[rows] * (-1 if o.maximised else 1) for o in self.objectives])
        low, high = points.min(axis=0), points.max(axis=0)
        scaled = (points - low) / np.where(high > low, high - low, 1)
        return int(rows[np.argmin((scaled**2).sum(axis=1))])

    def best(self):
        """Row of the best candidate for each objective, a member of the front; empty where there is none."""
        rows = self.front_rows()
        if not len(rows):
            return []
        return [int(rows[np.argmin(self.objective(o.name)[rows] * (-1 if o.maximised else 1))]) for o in self.objectives]

    def sensitivity(self):
        """{objective: {parameter: (explained, best label, spread)}} as `ridgeline report` gives it: the share of the
        objective's variance that is between the parameter's values, the value with the best mean, and the worst
        over the best mean. Of logarithms (geometric means) where all values are positive."""
        ok = self.status_codes() == 0
        result = {}
        for objective in self.objectives:
            values = self.objective(objective.name)[ok]
            logarithmic = bool(len(values)) and bool((values > 0).all())
            response = np.log(values) if logarithmic else values
            # A spread at the level of rounding is none.
            varies = len(values) > 0 and response.var() > 1e-24 * response.mean() ** 2
            result[objective.name] = {}
            for parameter in self.parameters:
                indices = self.value_indices(parameter.name)[ok]
                count = np.bincount(indices, minlength=len(parameter.labels))
                present = np.flatnonzero(count)
                if not len(present):
                    result[objective.name][parameter.name] = (math.nan, None, math.nan)
                    continue
                means = np.bincount(indices, weights=response, minlength=len(count))[present] / count[present]
                between = (count[present] * (means - response.mean()) ** 2).sum() / len(values)
                best = parameter.labels[present[np.argmax(means) if objective.maximised else np.argmin(means)]]
                if logarithmic:
                    spread = math.exp(means.max() - means.min())
                else:
                    spread = means.max() / means.min() if means.min() else math.nan
                result[objective.name][parameter.name] = (float(between / response.var()) if varies else math.nan, best,
                                                          float(spread))
        return result
