"""Names as the references have them: texts, and objects with a `name`."""
from __future__ import annotations

from typing import Any


class Name(str):
    """A text that also has the attribute `name`."""

    @property
    def name(self) -> str:
        return str(self)


class LayerDim(Name):
    """A loop dimension of a layer, such as ``OX``."""


class LayerOperand(Name):
    """An operand of a layer, such as ``W``."""


class MemoryOperand(Name):
    """An operand of a memory, such as ``I1``."""


class OADimension(Name):
    """A dimension of the operational array, such as ``D1``."""


class DataDict(dict):  # type: ignore[type-arg]
    """A dictionary that is its own attribute `data`, as the references' wrappers have it."""

    @property
    def data(self) -> dict[Any, Any]:
        return self


def unsupported(call: str, name: str, value: Any, why: str) -> NotImplementedError:
    """The error for an argument that is not supported, which names it."""
    return NotImplementedError(f"{call}: {name}={value!r} is not supported: {why}")
