"""Two versions of the same values, cell by cell: what differs, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

EXACT = 1e-9  # relative and absolute: the same arithmetic on the same numbers, on any machine


def values_differ(stored: Any, again: Any, tolerance: float = EXACT) -> bool:
    """Whether two values differ; numbers by more than the tolerance, absolute and relative.

    Lists and mappings are gone through; null and nan are the same nothing.
    """
    if isinstance(stored, Mapping) and isinstance(again, Mapping):
        return stored.keys() != again.keys() or any(
            values_differ(stored[k], again[k], tolerance) for k in stored
        )
    if isinstance(stored, list | tuple) and isinstance(again, list | tuple):
        return len(stored) != len(again) or any(
            values_differ(a, b, tolerance) for a, b in zip(stored, again, strict=True)
        )
    if _nothing(stored) or _nothing(again):
        return _nothing(stored) != _nothing(again)
    if _number(stored) and _number(again):
        return not math.isclose(stored, again, rel_tol=tolerance, abs_tol=tolerance)
    return bool(stored != again)


def mapping_differences(
    stored: Mapping[str, Any], again: Mapping[str, Any], tolerance: float = EXACT, path: str = ""
) -> list[str]:
    """Entries of ``again`` that ``stored`` lacks or has otherwise, named by their path.

    Entries that only ``stored`` has are left to others.
    """
    found: list[str] = []
    for key, expected in again.items():
        name, value = f"{path}{key}", stored.get(key)
        if isinstance(expected, Mapping) and isinstance(value, Mapping):
            found += mapping_differences(value, expected, tolerance, f"{name}.")
            found += [f"{name}.{extra} is not expected" for extra in value.keys() - expected.keys()]
        elif values_differ(value, expected, tolerance):
            found.append(f"{name} is {both(value, expected)}")
    return found


def nested_differences(stored: Any, again: Any, *place: str) -> list[str]:
    """Values in which two nests of mappings and lists differ, each named by its place in words.

    Args:
        stored: as found.
        again: as recomputed.
        place: names above, outermost first.
    """
    if isinstance(stored, Mapping) and isinstance(again, Mapping):
        found = [f"{_in(*place, key)} is missing" for key in again if key not in stored]
        found += [f"{_in(*place, key)} is not expected" for key in stored if key not in again]
        pairs = [(key, stored[key], again[key]) for key in again if key in stored]
    elif isinstance(stored, list) and isinstance(again, list):
        if len(stored) != len(again):
            return [f"{_in(*place)} has {len(stored)} entries, recomputed {len(again)}"]
        found = []
        pairs = [(_name(b, i), a, b) for i, (a, b) in enumerate(zip(stored, again, strict=True))]
    elif values_differ(stored, again):
        return [f"{_in(*place)} is {both(stored, again)}"]
    else:
        return []
    return found + [one for name, a, b in pairs for one in nested_differences(a, b, *place, name)]


def line_differences(stored: str, again: str) -> list[str]:
    """Lines in which two texts differ, each by its number."""
    old, new = stored.splitlines(), again.splitlines()
    found = [
        f"line {i + 1} is {both(a, b)}"
        for i, (a, b) in enumerate(zip(old, new, strict=False))
        if a != b
    ]
    if len(old) != len(new):
        found.append(f"{len(old)} lines, recomputed {len(new)}")
    return found or (["its line ends differ"] if stored != again else [])


def _in(*place: str) -> str:
    """Names of keys and items, outermost first."""
    return ", ".join(place)


def _name(item: Any, number: int) -> str:
    """What an item of a list is called: by itself, or by its number."""
    if isinstance(item, Mapping):
        for key in ("name", "finding", "measure", "arm"):
            if isinstance(item.get(key), str):
                return str(item[key])
    return f"number {number + 1}"


def leaves(values: Any) -> int:
    """How many single values a nest of mappings and lists holds."""
    if isinstance(values, Mapping):
        return sum(leaves(v) for v in values.values())
    if isinstance(values, list | tuple):
        return sum(leaves(v) for v in values)
    return 1


def table_differences(
    stored: pl.DataFrame, again: pl.DataFrame, keys: Sequence[str] = (), tolerance: float = EXACT
) -> list[str]:
    """Cells in which two tables differ, with the row's keys.

    Args:
        stored: as found.
        again: as recomputed; rows in the same order.
        keys: columns that name a row; its number where there are none.
        tolerance: of numbers.
    """
    if stored.columns != again.columns:
        odd = sorted(set(stored.columns) ^ set(again.columns)) or ["their order"]
        return [f"columns differ: {', '.join(odd)}"]
    if stored.height != again.height:
        return [f"{stored.height} rows, recomputed {again.height}"]
    found = []
    for name in again.columns:
        suspects = _suspects(stored[name], again[name])
        for i in suspects:
            a, b = stored[name][i], again[name][i]
            a, b = (v.to_list() if isinstance(v, pl.Series) else v for v in (a, b))
            if values_differ(a, b, tolerance):
                named = (again[key][i] for key in keys)
                row = " ".join(str(v) for v in named if v is not None) or f"row {i}"
                found.append(f"{row} {name} is {both(a, b)}")
    return found


def cells(table: pl.DataFrame) -> int:
    """How many values a table holds."""
    return table.height * table.width


def shown(value: Any) -> str:
    """A value as a sentence shows it."""
    if _nothing(value):
        return "empty"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def both(stored: Any, again: Any) -> str:
    """Two values that differ, with all digits where they would look alike; long texts in part."""
    if isinstance(stored, str) and isinstance(again, str) and max(len(stored), len(again)) > 60:
        pairs = enumerate(zip(stored, again, strict=False))
        alike = next((i for i, (a, b) in pairs if a != b), min(len(stored), len(again)))
        start = max(0, alike - 30)
        return f"{_cut(stored, start)!r}, recomputed {_cut(again, start)!r}"
    a, b = shown(stored), shown(again)
    return f"{stored!r}, recomputed {again!r}" if a == b else f"{a}, recomputed {b}"


def _cut(text: str, start: int) -> str:
    """70 characters of a text."""
    end = start + 70
    return f"{'...' * bool(start)}{text[start:end]}{'...' * (len(text) > end)}"


def _suspects(stored: pl.Series, again: pl.Series) -> list[int]:
    """Rows that are not equal to the bit; the others need no second look."""
    if stored.dtype != again.dtype or stored.dtype.is_nested():
        return list(range(len(again)))
    unequal = stored.ne_missing(again)
    return [i for i, odd in enumerate(unequal) if odd]


def _nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
