"""Tables: data frames where pandas is installed, else columns of plain lists."""
from __future__ import annotations

from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

try:
    import pandas
except ImportError:
    pandas = None


class Table(Mapping[str, Any]):
    """Columns by name, for those without pandas: ``table["latency"]`` is a column, `rows()` are the rows."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: list(column) for name, column in columns.items()}

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    @property
    def columns(self) -> list[str]:
        return list(self._columns)

    def rows(self) -> list[dict[str, Any]]:
        return [{name: column[i] for name, column in self._columns.items()} for i in range(len(self))]

    def __repr__(self) -> str:
        shown = [self.columns] + [[_cell(value) for value in row.values()] for row in self.rows()[:20]]
        widths = [max(len(str(row[c])) for row in shown) for c in range(len(self.columns))]
        lines = ["  ".join(str(value).rjust(width) for value, width in zip(row, widths)) for row in shown]
        if len(self) > 20:
            lines.append(f"... {len(self)} rows")
        return "\n".join(lines)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def table(columns: Mapping[str, Sequence[Any]]) -> Any:
    """A pandas data frame where there is pandas, else a `Table`."""
    return Table(columns) if pandas is None else pandas.DataFrame(dict(columns))


def table_of_rows(rows: Iterable[Mapping[str, Any]], names: Optional[Sequence[str]] = None) -> Any:
    """The same of rows; what a row lacks is None. `names`: columns that are there whatever the rows are."""
    rows = list(rows)
    order: dict[str, None] = dict.fromkeys(names or ())
    for row in rows:
        order.update(dict.fromkeys(row))
    return table({name: [row.get(name) for row in rows] for name in order})


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one, with dots: ``{"a": {"b": 1}}`` as ``{"a.b": 1}``. Of lists of objects with a `memory`
    that stands in the name, of all other lists the list itself."""
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = prefix + key
        if isinstance(item, Mapping):
            flat.update(flattened(item, name + "."))
        elif isinstance(item, list) and item and all(isinstance(i, Mapping) and "memory" in i for i in item):
            for one in item:
                rest = {k: v for k, v in one.items() if k != "memory"}
                if "dim" not in rest:
                    flat.update(flattened(rest, f"{name}.{one['memory']}."))
            if any("dim" in one for one in item):
                flat[name] = item
        else:
            flat[name] = item
    return flat
