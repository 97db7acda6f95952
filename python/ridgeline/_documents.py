"""What callers give for documents, as the library takes it."""
from __future__ import annotations

import contextlib
import os
import pathlib
import re
import tempfile
from typing import Any, Iterator, Mapping, Sequence, Union

# A path, or what a document holds.
Document = Union[str, "os.PathLike[str]", Mapping[str, Any], Sequence[Any]]
# The same, or an `onnx.ModelProto`.
Workload = Any


def document(value: Document, what: str) -> Any:
    """A path as text, or plain dictionaries and lists."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    raise TypeError(f"{what} is a path, or a dictionary or list as the documents have it, not {type(value).__name__}")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    return value


@contextlib.contextmanager
def workload(value: Workload) -> Iterator[Any]:
    """A workload as the library takes it; an ONNX model is a file as long as the context lasts."""
    if not hasattr(value, "SerializeToString"):
        yield document(value, "workload")
        return
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(value.graph.name or "")) or "model"
    with tempfile.TemporaryDirectory(prefix="ridgeline-") as folder:
        path = pathlib.Path(folder) / f"{name}.onnx"
        path.write_bytes(value.SerializeToString())
        yield str(path)


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options that are there: None stands for the default."""
    return {key: value for key, value in given.items() if value is not None}
