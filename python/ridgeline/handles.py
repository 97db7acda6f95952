"""For tight loops: compiled once, asked often. Arrays of numpy are used in place where there is numpy."""
from __future__ import annotations

import ctypes
import json
import os
import weakref
from typing import Any, Mapping, Optional, Sequence

from . import _documents
from ._library import Result, _VOID, interruptible, library, request_text
from .errors import InputError, LibraryError

numpy: Any
try:
    import numpy
except ImportError:
    numpy = None

_CTYPES: dict[str, Any] = {"int32": ctypes.c_int32, "int64": ctypes.c_int64, "double": ctypes.c_double}


# Letters of the buffer protocol for these types; long is as wide as an int64 or an int32.
_LETTERS: dict[str, str] = {"int32": "il", "int64": "ql", "double": "d"}


def _view(values: Any, kind: str, dimensions: int) -> Optional[memoryview]:
    """What `values` shares of its memory with readers of the buffer protocol, if the library can read it as it is."""
    try:
        view = memoryview(values)
    except TypeError:
        return None
    fits = (view.ndim == dimensions and view.c_contiguous and view.format in _LETTERS[kind] and
            view.itemsize == ctypes.sizeof(_CTYPES[kind]))
    return view if fits else None


def _rows(values: Any, kind: str, what: str) -> tuple[Any, int, int]:
    """A two-dimensional array of a C type as the library reads it, with its sizes."""
    if numpy is not None:
        array = numpy.ascontiguousarray(values, dtype=numpy.dtype(kind))
        if array.ndim != 2:
            raise InputError("", what, f"{what} has {array.ndim} dimensions, not 2", "one row each")
        return array, int(array.shape[0]), int(array.shape[1])
    view = _view(values, kind, 2)
    if view is not None and view.shape is not None and not view.readonly and view.nbytes:
        return (_CTYPES[kind] * (view.nbytes // view.itemsize)).from_buffer(view), view.shape[0], view.shape[1]
    rows = [list(row) for row in values]
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        raise InputError("", what, f"the rows of {what} differ in length")
    flat = [item for row in rows for item in row]
    return (_CTYPES[kind] * max(1, len(flat)))(*flat), len(rows), width


class _Outputs:
    """Arrays that the library fills: the caller's (`out`), or new ones."""

    def __init__(self, out: Optional[Sequence[Any]], count: int, kinds: Sequence[str]) -> None:
        if out is not None and len(out) != len(kinds):
            raise InputError("", "out", f"out has {len(out)} arrays", f"{len(kinds)}: of {', '.join(kinds)}")
        self._given = None if out is None else tuple(out)
        self._count = count
        self._arrays: list[Any] = []
        for place, kind in enumerate(kinds):
            if self._given is not None:
                view = _view(self._given[place], kind, 1)
                if view is None or view.readonly or view.shape != (count,):
                    raise InputError("", f"out[{place}]", "this is no array that can be written in place",
                                     f"one of {count} items of {kind}, one after the other")
                self._arrays.append((_CTYPES[kind] * count).from_buffer(view) if count else (_CTYPES[kind] * 1)())
            elif numpy is not None:
                self._arrays.append(numpy.empty(count, dtype=numpy.dtype(kind)))
            else:
                self._arrays.append((_CTYPES[kind] * max(1, count))())

    def pointers(self) -> list[Any]:
        return [_pointer(array) for array in self._arrays]

    def results(self) -> tuple[Any, ...]:
        if self._given is not None:
            return self._given
        return tuple(a if hasattr(a, "ctypes") else list(a)[:self._count] for a in self._arrays)


def _pointer(array: Any) -> Any:
    return array.ctypes.data if hasattr(array, "ctypes") else ctypes.addressof(array)


class CompiledMapping:
    """One layer on one core under one spatial mapping: costs orderings of temporal loops.

    Args:
        workload, accelerator, mapping: as for `ridgeline.evaluate`.
        layer: name of the layer, where the workload has several.
        spatial: the spatial mapping, such as ``{"D1": {"K": 32}}``; default: the first that the mapping document
            gives or the search generates.
        **options: of ``ridgeline evaluate``, such as ``even=True``.

    Attributes:
        dims: the layer's loop dimensions with their sizes.
        temporal: the size of each dimension that is left to temporal loops.
        spatial: the spatial mapping, as it was given or found.
    """

    def __init__(self, workload: _documents.Workload, accelerator: _documents.Document,
                 mapping: Optional[_documents.Document] = None, *, layer: Optional[str] = None,
                 spatial: Optional[Mapping[str, Mapping[str, int]]] = None, **options: Any) -> None:
        with _documents.workload(workload) as given:
            request = _documents.options({
                "workload": given, "accelerator": _documents.document(accelerator, "accelerator"),
                "mapping": None if mapping is None else _documents.document(mapping, "mapping"),
                "layer": None if layer is None else [layer], "spatial": spatial, **options})
            failure = _VOID()
            pointer = library().ridgeline_mapping_open(request_text(request), ctypes.byref(failure))
        if not pointer:
            Result(int(failure.value or 0)).check()
            raise LibraryError("no mapping was compiled, and the library does not say why")
        self._pointer = int(pointer)
        self._close = weakref.finalize(self, library().ridgeline_mapping_close, self._pointer)
        data = json.loads(library().ridgeline_mapping_text(self._pointer))
        self.dims: dict[str, int] = dict(data["dims"])
        self.temporal: dict[str, int] = dict(data["temporal"])
        self.spatial: dict[str, dict[str, int]] = data["spatial"]
        self._names = list(self.dims)

    def close(self) -> None:
        """Gives back what the library holds."""
        self._close()

    def cost(self, orderings: Sequence[Sequence[tuple[str, int]]], threads: int = 1) -> tuple[Any, Any]:
        """Energies (pJ) and latencies (cycles) of orderings: lists of (dimension, size), innermost loop first. NaN
        where an ordering fits into no memory, or its loops do not multiply to what is temporal."""
        longest = max((len(ordering) for ordering in orderings), default=0)
        places = {name: place for place, name in enumerate(self._names)}
        try:
            dims = [[places[dim] for dim, _ in o] + [0] * (longest - len(o)) for o in orderings]
        except KeyError as error:
            raise InputError("", "orderings", f"the layer has no loop {error}", f"one of {', '.join(places)}") from None
        sizes = [[size for _, size in o] + [1] * (longest - len(o)) for o in orderings]
        return self.cost_arrays(dims, sizes, threads)

    def cost_arrays(self, dims: Any, sizes: Any, threads: int = 1, *,
                    out: Optional[Sequence[Any]] = None) -> tuple[Any, Any]:
        """The same of two arrays of shape (orderings, loops), int32 and int64: places in `dims`, and sizes (1: no loop).
        Returns two arrays of doubles (lists without numpy), or `out`: two arrays of doubles to be written, one item an
        ordering, which spares a tight loop the fresh memory. Arrays are numpy's, or anything with the buffer protocol
        (`array.array`; two dimensions by `memoryview.cast`)."""
        dims, count, loops = _rows(dims, "int32", "dims")
        sizes, rows, columns = _rows(sizes, "int64", "sizes")
        if (rows, columns) != (count, loops):
            raise InputError("", "sizes", f"sizes is {rows} x {columns}, and dims is {count} x {loops}")
        outputs = _Outputs(out, count, ("double", "double"))
        status = library().ridgeline_mapping_cost(self._pointer, count, loops, _pointer(dims), _pointer(sizes),
                                                  *outputs.pointers(), threads)
        if status:
            raise InputError("", "orderings", "a loop's dimension is not there, its size is below 1, or there are more "
                             "than 56 loops")
        energy, latency = outputs.results()
        return energy, latency


class CompiledSchedule:
    """One network on one multi-core system under one tiling: schedules allocations.

    Args:
        workload, accelerator, mapping, and all options: as for `ridgeline.schedule`, but for ``granularity``.

    Attributes:
        slots: the places of an allocation in order: ``layer``, ``id``, ``group``, and ``cores`` that can run it.
    """

    def __init__(self, workload: _documents.Workload, accelerator: _documents.Document,
                 mapping: Optional[_documents.Document] = None, *, stacks: Optional[Any] = None, **options: Any) -> None:
        with _documents.workload(workload) as given:
            text = request_text(_documents.options({
                "workload": given, "accelerator": _documents.document(accelerator, "accelerator"),
                "mapping": None if mapping is None else _documents.document(mapping, "mapping"),
                "stacks": None if stacks is None else _documents.document(stacks, "stacks"), **options}))
            failure = _VOID()
            pointer = interruptible(lambda hooks: library().ridgeline_allocations_open(
                text, hooks, ctypes.byref(failure))).value
        if not pointer:
            Result(int(failure.value or 0)).check()
            raise LibraryError("nothing was compiled, and the library does not say why")
        self._pointer = int(pointer)
        self._close = weakref.finalize(self, library().ridgeline_allocations_close, self._pointer)
        self.slots: list[dict[str, Any]] = json.loads(library().ridgeline_allocations_text(self._pointer))["slots"]

    def close(self) -> None:
        """Gives back what the library holds."""
        self._close()

    def schedule(self, allocations: Any, threads: Optional[int] = None, *,
                 out: Optional[Sequence[Any]] = None) -> tuple[Any, Any, Any]:
        """Latencies (cycles), energies (pJ) and largest memory occupations (bits) of allocations: an int32 array of
        shape (allocations, slots) with the core of each slot. NaN, NaN, -1 where one is not feasible. `out`: arrays of
        doubles, doubles and int64 to be written instead of new ones, as for `CompiledMapping.cost_arrays`."""
        cores, count, slots = _rows(allocations, "int32", "allocations")
        if count and slots != len(self.slots):
            raise InputError("", "allocations", f"rows of {slots} cores, and there are {len(self.slots)} slots")
        outputs = _Outputs(out, count, ("double", "double", "int64"))
        status = library().ridgeline_allocations_schedule(
            self._pointer, count, _pointer(cores), *outputs.pointers(), threads or len(os.sched_getaffinity(0)))
        if status:
            raise InputError("", "allocations", "a core is not one that can run its slot's layer")
        latency, energy, peak = outputs.results()
        return latency, energy, peak
