"""A reader's decisions merged into a label table, and the table written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre.cohort.cohort import write_table
from molre.errors import MolreError
from molre.folders import check_new
from molre.labels.findings import findings
from molre.labels.merge import Merged, merge_decisions
from molre.labels.read_labels import read_labels
from molre.labels.stated import stated
from molre.table_files import write_csv

ENDS = (".parquet", ".csv")


def merge_labels(
    labels: Path,
    decisions: Path,
    out: Path,
    id_column: str | None = None,
    ignore: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> Merged:
    """Write LABELS with the decisions of a sheet in the place of what they said.

    Args:
        labels: label table.
        decisions: decisions.csv of an adjudication sheet.
        out: ``.parquet`` or ``.csv``; a long table with source and labeller of every cell.
        id_column: of the labels; found if not given.
        ignore: columns of the labels to leave out.
        overwrite: replace a file that is there.

    Raises:
        MolreError: a bad table, no decision of a study of the labels, or a file in the way.
    """
    if out.suffix.lower() not in ENDS:
        raise MolreError("is not the name of a table", where=out, fix="name it .parquet or .csv")
    check_new(out, overwrite=overwrite)
    _, long = read_labels(labels, findings(), id_column, source="not stated", ignore=ignore)
    merged = merge_decisions(long, read_decisions(decisions), findings(), decisions)
    if not merged.decided and not merged.overruled:
        raise MolreError(
            "no decision is of a study of the labels",
            where=decisions,
            fix="give the labels that the sheet was made from",
        )
    table = merged.labels.rename({"id": "study"})
    if out.suffix.lower() == ".parquet":
        write_table(out, table)
    else:
        write_csv(out, table)
    return merged


def read_decisions(path: Path) -> pl.DataFrame:
    """Cells that a reader decided: id, finding, state, labeller; not what follows from them.

    Raises:
        MolreError: not a long table.
    """
    told = stated(path, findings())
    if told.wide:
        raise MolreError(
            "is not a table of decisions", where=path, fix="give decisions.csv of a sheet"
        )
    _, long = read_labels(path, findings())
    return long.join(told.cells, on=["id", "finding"], how="semi").select(
        "id", "finding", "state", "labeller"
    )
