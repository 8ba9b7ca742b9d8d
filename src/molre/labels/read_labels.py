"""Label tables in any form: long or wide, a file or a table in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre.errors import MolreError
from molre.labels.columns import check_columns
from molre.labels.findings import FindingsTable
from molre.labels.long_table import from_long, is_long
from molre.labels.rows import read_rows
from molre.labels.table import read_wide
from molre.table_files import read_parquet

IN_MEMORY = "the label table"


def read_labels(
    labels: pl.DataFrame | str | Path,
    table: FindingsTable,
    id_name: str | None = None,
    source: str = "reader",
    labeller: str = "",
    ignore: Sequence[str] = (),
) -> tuple[str, pl.DataFrame]:
    """The long table as molre keeps it, closed under the hierarchy.

    Args:
        labels: a long table (see :mod:`molre.labels.long_table`) in memory, as Parquet or as CSV;
            or a wide CSV, see :func:`molre.labels.table.read_wide`.
        table: the K findings known.
        id_name: the column that names the study; found among the usual names if not given.
        source: where the table does not say.
        labeller: where the table does not say.
        ignore: columns to leave out.

    Returns:
        The heading of the column that names the studies, and the long table: id, finding, state,
        source, labeller, evidence; K rows a study.

    Raises:
        MolreError: as those two.
    """
    given = (table, id_name, source, labeller, ignore)
    if isinstance(labels, pl.DataFrame):
        return from_long(_long(labels, IN_MEMORY), *given)
    path = Path(labels)
    if is_parquet(path):
        return from_long(_long(open_parquet(path), path), *given, path)
    header, rows = read_rows(path)
    if is_long(header):
        check_columns(path, header)
        texts = pl.DataFrame([row for _, row in rows], schema=header, orient="row")
        return from_long(texts, *given, path)
    return read_wide(path, *given)


def _long(frame: pl.DataFrame, where: str | Path) -> pl.DataFrame:
    if is_long(frame.columns):
        return frame
    raise MolreError(
        f"is not a long label table (columns: {', '.join(frame.columns[:8])})",
        where=where,
        fix="give a column that names the study, finding, and state: present, absent, uncertain "
        "or not_mentioned",
    )


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does; what is not there does not."""
    try:
        with open(path, "rb") as handle:
            return handle.read(4) == b"PAR1"
    except OSError:
        return False  # which the reader of CSVs says


def open_parquet(path: Path) -> pl.DataFrame:
    """A Parquet table that somebody gave.

    Raises:
        MolreError: it is damaged.
    """
    try:
        return read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        raise MolreError("is damaged", where=path, fix="write it again") from None
