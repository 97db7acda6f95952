"""The shared library: where it is, and how its calls look from Python."""
from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import pathlib
import threading
import weakref
from typing import Any, Callable, Mapping, NamedTuple, Optional

from .errors import LibraryError, raise_for

ABI = 1

Note = Callable[[bool, str], None]
Progress = Callable[[float, float], None]


class _Problem(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("place", ctypes.c_char_p), ("line", ctypes.c_int32),
                ("column", ctypes.c_int32), ("message", ctypes.c_char_p), ("remedy", ctypes.c_char_p)]


_NOTE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
_PROGRESS = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_double, ctypes.c_double)
_CANCEL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Hooks(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("context", ctypes.c_void_p), ("note", _NOTE), ("progress", _PROGRESS),
                ("cancel", _CANCEL), ("cancelled", ctypes.POINTER(ctypes.c_int32))]


_VOID = ctypes.c_void_p
_TEXT = ctypes.c_char_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "ridgeline_abi": (ctypes.c_int, []),
    "ridgeline_version": (_TEXT, []),
    "ridgeline_evaluate": (_VOID, [_TEXT, _VOID]),
    "ridgeline_schedule": (_VOID, [_TEXT, _VOID]),
    "ridgeline_explore": (_VOID, [_TEXT, _VOID]),
    "ridgeline_report": (_VOID, [_TEXT, _VOID]),
    "ridgeline_check": (_VOID, [_TEXT, _VOID]),
    "ridgeline_status": (ctypes.c_int, [_VOID]),
    "ridgeline_text": (_TEXT, [_VOID]),
    "ridgeline_form": (_TEXT, [_VOID, _TEXT]),
    "ridgeline_error": (ctypes.POINTER(_Problem), [_VOID]),
    "ridgeline_free": (None, [_VOID]),
    "ridgeline_mapping_open": (_VOID, [_TEXT, ctypes.POINTER(_VOID)]),
    "ridgeline_mapping_text": (_TEXT, [_VOID]),
    "ridgeline_mapping_cost": (ctypes.c_int, [_VOID, ctypes.c_int64, ctypes.c_int32, _VOID, _VOID, _VOID, _VOID,
                                              ctypes.c_int32]),
    "ridgeline_mapping_close": (None, [_VOID]),
    "ridgeline_allocations_open": (_VOID, [_TEXT, _VOID, ctypes.POINTER(_VOID)]),
    "ridgeline_allocations_text": (_TEXT, [_VOID]),
    "ridgeline_allocations_schedule": (ctypes.c_int, [_VOID, ctypes.c_int64, _VOID, _VOID, _VOID, _VOID,
                                                      ctypes.c_int32]),
    "ridgeline_allocations_close": (None, [_VOID]),
    "ridgeline_space_open": (_VOID, [_TEXT, ctypes.POINTER(_VOID)]),
    "ridgeline_space_text": (_TEXT, [_VOID]),
    "ridgeline_space_evaluate": (_VOID, [_VOID, ctypes.c_int64, _VOID, ctypes.c_int32, _VOID]),
    "ridgeline_space_design": (_VOID, [_VOID, ctypes.c_uint64, _VOID]),
    "ridgeline_space_close": (None, [_VOID]),
}

_NAME = "libridgeline.so"


def _places() -> list[str]:
    """Where the library may be, first choice first."""
    named = os.environ.get("RIDGELINE_LIBRARY")
    if named:
        return [os.path.join(named, _NAME) if os.path.isdir(named) else named]
    package = pathlib.Path(__file__).resolve().parent
    places = [package / "lib" / _NAME]
    checkout = package.parent.parent
    if (checkout / "CMakePresets.json").is_file():
        places.append(checkout / "build" / "release" / _NAME)
    found = [str(place) for place in places if place.is_file()]
    installed = ctypes.util.find_library("ridgeline")
    return found + ([installed] if installed else [])


_lock = threading.Lock()
_loaded: Optional[ctypes.CDLL] = None


def library() -> ctypes.CDLL:
    """The library, loaded when it is first needed. Raises LibraryError where there is none that fits."""
    global _loaded
    with _lock:
        if _loaded is not None:
            return _loaded
        places = _places()
        if not places:
            raise LibraryError(f"{_NAME} is nowhere to be found: install the package with `pip install .`, or set "
                               "RIDGELINE_LIBRARY to the library of a build")
        try:
            loaded = ctypes.CDLL(places[0])
        except OSError as error:
            raise LibraryError(f"{places[0]} cannot be loaded: {error}") from error
        try:
            for name, (result, arguments) in _SIGNATURES.items():
                function = getattr(loaded, name)
                function.restype = result
                function.argtypes = arguments
        except AttributeError as error:
            raise LibraryError(f"{places[0]} is no library of this version of the package: {error}") from error
        if loaded.ridgeline_abi() != ABI:
            raise LibraryError(f"{places[0]} has interface {loaded.ridgeline_abi()}, and this package needs {ABI}")
        _loaded = loaded
        return loaded


def version() -> str:
    """Version of the library, such as ``0.1.0``."""
    return str(library().ridgeline_version().decode())


def _text(value: Optional[bytes]) -> str:
    return "" if value is None else value.decode("utf-8", "replace")


class Result:
    """A result of the library. Freed with this object."""

    def __init__(self, pointer: int) -> None:
        self._pointer = pointer
        self._free = weakref.finalize(self, library().ridgeline_free, pointer)

    @property
    def status(self) -> int:
        return int(library().ridgeline_status(self._pointer))

    def json(self) -> Any:
        text = library().ridgeline_text(self._pointer)
        return None if text is None else json.loads(text)

    def form(self, name: str) -> Optional[str]:
        text = library().ridgeline_form(self._pointer, name.encode())
        return None if text is None else _text(text)

    def problem(self) -> Optional[dict[str, Any]]:
        place = library().ridgeline_error(self._pointer)
        if not place:
            return None
        problem = place.contents
        return {"file": _text(problem.file), "place": _text(problem.place), "line": int(problem.line),
                "column": int(problem.column), "message": _text(problem.message), "remedy": _text(problem.remedy)}

    def check(self) -> "Result":
        """Raises what the status means."""
        raise_for(self.status, self.problem())
        return self


class Taken(NamedTuple):
    """What an interruptible call gave, and what it said meanwhile."""

    value: Any
    notes: list[str]


def interruptible(call: Callable[[Any], Any], note: Optional[Note] = None,
                  progress: Optional[Progress] = None) -> Taken:
    """call(hooks) in a thread of its own, so that Ctrl-C reaches this one: the call is then told to end, and
    KeyboardInterrupt goes on when it has. What the callers' functions raise ends the call as well."""
    cancelled = ctypes.c_int32(0)
    notes: list[str] = []
    failures: list[BaseException] = []

    def guarded(function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except BaseException as error:  # it must not get lost between C and Python
            failures.append(error)
            cancelled.value = 1

    def on_note(_: Any, detail: int, text: bytes) -> None:
        words = _text(text)
        if not detail:
            notes.append(words)
        if note is not None:
            guarded(note, bool(detail), words)

    hooks = Hooks(size=ctypes.sizeof(Hooks), note=_NOTE(on_note), cancelled=ctypes.pointer(cancelled))
    if progress is not None:
        wanted = progress
        hooks.progress = _PROGRESS(lambda _, done, everything: guarded(wanted, done, everything))
    given: list[Any] = []

    def run() -> None:
        try:
            given.append(call(ctypes.byref(hooks)))
        except BaseException as error:
            failures.append(error)

    if threading.current_thread() is not threading.main_thread():
        run()
    else:
        thread = threading.Thread(target=run, name="ridgeline", daemon=True)
        thread.start()
        interrupted: Optional[KeyboardInterrupt] = None
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as error:
                if interrupted is not None:
                    raise
                interrupted = error
                cancelled.value = 1
        if interrupted is not None:
            raise interrupted
    if failures:
        raise failures[0]
    return Taken(given[0], notes)


def request_text(request: Mapping[str, Any]) -> bytes:
    """A request as the library reads it. Raises TypeError for what is no JSON."""
    return json.dumps(request, default=_plain).encode()


def _plain(value: Any) -> Any:
    """Paths, and numbers of numpy."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    raise TypeError(f"{type(value).__name__} is nothing that a document or option can hold: {value!r}")


def call(name: str, request: Mapping[str, Any], note: Optional[Note] = None,
         progress: Optional[Progress] = None) -> tuple[Result, list[str]]:
    """A call of the library by its name, such as ``evaluate``: the result, whatever its status, and the notes."""
    function = getattr(library(), "ridgeline_" + name)
    text = request_text(request)
    taken = interruptible(lambda hooks: Result(function(text, hooks)), note, progress)
    return taken.value, taken.notes


def opened(name: str, *arguments: Any) -> int:
    """A handle by the name of its kind. Raises what its failure means."""
    failure = _VOID()
    pointer = getattr(library(), f"ridgeline_{name}_open")(*arguments, ctypes.byref(failure))
    if pointer:
        return int(pointer)
    if failure.value:
        Result(failure.value).check()
    raise LibraryError(f"no {name} was opened, and the library does not say why")
