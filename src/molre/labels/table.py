"""Label tables: the wide CSV people have (1, 0, empty) and the long table molre keeps."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre import files
from molre.errors import MolreError
from molre.labels.columns import LONG_SCHEMA, RESERVED, check_columns, unknown_findings
from molre.labels.columns import id_column as named_by
from molre.labels.findings import FindingsTable
from molre.labels.hierarchy import ABSENT, PRESENT, UNKNOWN, close
from molre.labels.other_tables import refuse_long
from molre.labels.rows import Rows, read_rows

STATES = {PRESENT: "present", ABSENT: "absent", UNKNOWN: "not_mentioned"}
CODES = {"present": "1", "absent": "0"}
CELLS = {"1": PRESENT, "1.0": PRESENT, "0": ABSENT, "0.0": ABSENT, "": UNKNOWN}


@dataclass(frozen=True)
class WideTable:
    """A wide CSV as read: ids (N,), states int8 (N, K) as stated, before closure.

    ``id_column`` is the heading of the ids; ``sources`` and ``labellers`` have N cells, empty where
    the row does not say.
    """

    id_column: str
    ids: tuple[str, ...]
    states: np.ndarray
    sources: tuple[str, ...]
    labellers: tuple[str, ...]


def read_wide(
    path: Path,
    table: FindingsTable,
    id_column: str | None = None,
    source: str = "reader",
    labeller: str = "",
    ignore: Sequence[str] = (),
) -> tuple[str, pl.DataFrame]:
    """Read a wide CSV into the long table, closed under the hierarchy.

    One row a study: an id column and one column per finding with 1, 0 or nothing. Comma, semicolon,
    tab and bar are understood, a first line ``sep=;``, and a byte order mark. Columns ``source``
    and ``labeller`` override the arguments of that name per row.

    Args:
        path: the CSV.
        table: the findings known.
        id_column: its name; found among the usual names if not given.
        source: reader, report-rules, report-llm, phantom or a data set's name.
        labeller: name and version of whoever labeled.
        ignore: columns that are not findings and may be there.

    Returns:
        The heading of the column that names the studies, and the long table: id, finding, state,
        source, labeller, evidence; K rows a study.

    Raises:
        MolreError: not a CSV in UTF-8, unknown or repeated column, repeated study, a value that is
            not 1, 0 or empty, a contradiction within the hierarchy.
    """
    wide = parse_wide(path, table, id_column, set(ignore))
    closed = close(wide.states, table, list(wide.ids), path)
    n, k = closed.shape
    long = pl.DataFrame(
        {
            "id": [i for i in wide.ids for _ in range(k)],
            "finding": list(table.ids) * n,
            "state": [STATES[int(v)] for v in closed.reshape(-1)],
            "source": [s or source for s in wide.sources for _ in range(k)],
            "labeller": [who or labeller for who in wide.labellers for _ in range(k)],
            "evidence": [""] * (n * k),
        },
        schema=LONG_SCHEMA,
    )
    return wide.id_column, long


def write_wide(
    long: pl.DataFrame, path: Path, table: FindingsTable, id_name: str = "study"
) -> None:
    """Write the wide CSV: 1 present, 0 absent, empty otherwise (uncertain too).

    Args:
        long: columns id (or study_id), finding, state.
        path: written atomically.
        table: gives the columns' order.
        id_name: header of the first column.
    """
    key = "id" if "id" in long.columns else "study_id"
    cells: dict[str, dict[str, str]] = {}
    for study, finding, state in long.select(key, "finding", "state").iter_rows():
        cells.setdefault(study, {})[finding] = CODES.get(state, "")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([id_name, *table.ids])
    for study, row in cells.items():
        writer.writerow([study, *(row.get(f, "") for f in table.ids)])
    files.write_text(path, text.getvalue())


def parse_wide(
    path: Path, table: FindingsTable, id_column: str | None, ignore: set[str]
) -> WideTable:
    """A wide CSV as it is, before closure; see :func:`read_wide`."""
    header, rows = read_rows(path)
    refuse_long(path, header, rows, table)
    check_columns(path, [c for c in header if c not in ignore])
    name = named_by(path, header, id_column)
    columns = _finding_columns(path, header, name, table, ignore)
    states = np.full((len(rows), len(table)), UNKNOWN, dtype=np.int8)
    for i, (line, row) in enumerate(rows):
        for at, k in columns.items():
            states[i, k] = _cell(path, line, header[at], row[at])
    ids = _ids(path, name, [line for line, _ in rows], _column(header, rows, name))
    source, labeller = (
        tuple(_column(header, rows, None if extra in ignore else extra)) for extra in RESERVED
    )
    return WideTable(name, ids, states, source, labeller)


def _column(header: list[str], rows: Rows, name: str | None) -> list[str]:
    """Cells of a column; empty ones where there is none of that name."""
    if name is None or name not in header:
        return [""] * len(rows)
    at = header.index(name)
    return [row[at] for _, row in rows]


def _ids(path: Path, name: str, lines: list[int], cells: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for line, study in zip(lines, cells, strict=True):
        if not study:
            raise MolreError(
                f"line {line} has no {name}", where=path, fix="fill it in or remove the row"
            )
        if study in seen:
            raise MolreError(
                f"study {study!r} is on line {seen[study]} and again on line {line}",
                where=path,
                fix="keep one line per study",
            )
        seen[study] = line
    return tuple(seen)


def _finding_columns(
    path: Path, header: list[str], id_column: str, table: FindingsTable, ignore: set[str]
) -> dict[int, int]:
    """Position in the header to position in the table."""
    others = (id_column, *RESERVED, *ignore)
    columns = {at: name for at, name in enumerate(header) if name not in others}
    known = {f: k for k, f in enumerate(table.ids)}
    unknown = [name for name in columns.values() if name not in known]
    if unknown:
        raise unknown_findings(path, unknown, table)
    if not columns:
        raise MolreError("has no column for any finding", where=path, fix="`molre list findings`")
    return {at: known[name] for at, name in columns.items()}


def _cell(path: Path, line: int, column: str, value: str) -> int:
    state = CELLS.get(value)
    if state is None:
        raise MolreError(
            f"line {line}, column {column}: value {value!r} is not 1, 0 or empty",
            where=path,
            fix="write 1 present, 0 absent, nothing if unknown",
        )
    return state
