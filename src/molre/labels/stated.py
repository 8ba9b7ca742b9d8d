"""Which cells a label table itself speaks of: silence is not the same as a reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.labels.columns import check_columns, id_column, plain
from molre.labels.findings import FindingsTable
from molre.labels.hierarchy import UNKNOWN
from molre.labels.long_table import is_long
from molre.labels.read_labels import is_parquet, open_parquet
from molre.labels.rows import read_rows
from molre.labels.table import parse_wide


@dataclass(frozen=True)
class Stated:
    """The cells that a table speaks of, before the hierarchy adds any.

    Attributes:
        cells: columns id and finding: rows of a long table, or each 1 and 0 of a wide one.
        wide: whether it is wide, so that all other cells are unknown; in a long one they are not
            mentioned.
    """

    cells: pl.DataFrame
    wide: bool


def stated(
    path: Path, table: FindingsTable, id_name: str | None = None, ignore: Sequence[str] = ()
) -> Stated:
    """What a label table speaks of.

    Args:
        path: a table that :func:`molre.labels.read_labels.read_labels` reads.
        table: findings known.
        id_name: the column that names the study; found among the usual names if not given.
        ignore: columns to leave out.

    Raises:
        MolreError: no such file, or no column that names the study.
    """
    if is_parquet(path):
        return Stated(_rows(open_parquet(path), path, id_name, ignore), wide=False)
    header, rows = read_rows(path)
    if is_long(header):
        check_columns(path, header)
        frame = pl.DataFrame([row for _, row in rows], schema=header, orient="row")
        return Stated(_rows(frame, path, id_name, ignore), wide=False)
    parsed = parse_wide(path, table, id_name, set(ignore))
    row, column = np.nonzero(parsed.states != UNKNOWN)
    cells = {
        "id": [parsed.ids[i] for i in row.tolist()],
        "finding": [table.ids[k] for k in column.tolist()],
    }
    schema = {"id": pl.String, "finding": pl.String}
    return Stated(pl.DataFrame(cells, schema=schema), wide=True)


def _rows(
    frame: pl.DataFrame, path: Path, id_name: str | None, ignore: Sequence[str]
) -> pl.DataFrame:
    kept = [name for name in frame.columns if name not in ignore]
    name = id_column(path, kept, id_name)
    finding = next(c for c in kept if plain(c) == "finding" and c != name)
    return frame.select(
        pl.col(name).cast(pl.String).str.strip_chars().alias("id"),
        pl.col(finding).cast(pl.String).str.strip_chars().alias("finding"),
    )
