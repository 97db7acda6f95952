"""What goes wrong, as exceptions."""
from __future__ import annotations

from typing import Any, Optional


class RidgelineError(Exception):
    """The root of what this package raises on its own account."""


class InputError(RidgelineError, ValueError):
    """A document, model or option that is not right.

    Attributes:
        file: path of the document, ``(text)`` for one that was given as it is, ``""`` for options.
        place: JSON pointer into it, such as ``/memories/sram/size``; ``""`` for the whole.
        line: line of the place, from 1; 0 where it is not known.
        message: what is wrong.
        remedy: what would be right; may be empty.
    """

    def __init__(self, file: str, place: str, message: str, remedy: str = "", line: int = 0) -> None:
        super().__init__(file, place, message, remedy, line)
        self.file = file
        self.place = place
        self.message = message
        self.remedy = remedy
        self.line = line

    def __str__(self) -> str:
        where = self.file + (f":{self.line}" if self.line else "")
        parts = [part for part in (where, self.place) if part]
        return ": ".join([*parts, self.message]) + (f" ({self.remedy})" if self.remedy else "")


class Infeasible(RidgelineError):
    """Valid input, but something is not feasible.

    Attributes:
        result: what is known nevertheless (an `Evaluation` of the layers that are feasible), or None.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message, result)
        self.message = message
        self.result = result

    def __str__(self) -> str:
        return self.message


class FileError(RidgelineError, OSError):
    """Reading or writing failed: no such file, disk full, not writable, out of memory."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Stopped(RidgelineError):
    """A call ended before it was done: it was cancelled, or a limit was reached."""


class LibraryError(RidgelineError):
    """The library cannot be loaded, or has a bug."""


def raise_for(status: int, problem: Optional[dict[str, Any]], result: Any = None) -> None:
    """Raises what a status of the library means; returns where it is 0."""
    if status == 0:
        return
    problem = problem or {}
    message = str(problem.get("message", ""))
    if status in (2, 3):
        raise InputError(str(problem.get("file", "")), str(problem.get("place", "")), message,
                         str(problem.get("remedy", "")), int(problem.get("line", 0)))
    if status == 4:
        raise Infeasible(message, result)
    if status == 74:
        raise FileError(message)
    if status == 75:
        raise Stopped(message)
    raise LibraryError(message)
