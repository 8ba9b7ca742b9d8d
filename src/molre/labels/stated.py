"""Which cells a label table itself has a row for: silence is not the same as a reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre.labels.columns import check_columns, id_column, plain
from molre.labels.long_table import is_long
from molre.labels.read_labels import is_parquet
from molre.labels.rows import read_rows
from molre.table_files import read_parquet


def stated_cells(
    path: Path, id_name: str | None = None, ignore: Sequence[str] = ()
) -> pl.DataFrame | None:
    """The cells that a long table has a row for; None for a wide table, where 1 and 0 say so.

    Args:
        path: a table that :func:`molre.labels.read_labels.read_labels` reads.
        id_name: the column that names the study; found among the usual names if not given.
        ignore: columns to leave out.

    Returns:
        Columns id and finding, as in the file.

    Raises:
        MolreError: no such file, or no column that names the study.
    """
    if is_parquet(path):
        frame = read_parquet(path)
    else:
        header, rows = read_rows(path)
        if not is_long(header):
            return None
        check_columns(path, header)
        frame = pl.DataFrame([row for _, row in rows], schema=header, orient="row")
    kept = [name for name in frame.columns if name not in ignore]
    name = id_column(path, kept, id_name)
    finding = next(c for c in kept if plain(c) == "finding" and c != name)
    return frame.select(
        pl.col(name).cast(pl.String).str.strip_chars().alias("id"),
        pl.col(finding).cast(pl.String).str.strip_chars().alias("finding"),
    )
