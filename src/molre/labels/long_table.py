"""The long label table: one row per study and finding, as report labelers write it.

Columns: one that names the study, ``finding``, ``state`` (present, absent, uncertain or
not_mentioned), and where they are known ``source``, ``labeller`` (name and version) and
``evidence`` (the words it is based on). A finding without a row is not mentioned.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from molre.errors import MolreError, did_you_mean
from molre.labels.columns import LONG_SCHEMA, check_columns, guess, id_column, plain
from molre.labels.findings import FindingsTable
from molre.labels.hierarchy import ABSENT, PRESENT, UNKNOWN, close

STATES = ("present", "absent", "uncertain", "not_mentioned")
CODES = {"present": PRESENT, "absent": ABSENT, "uncertain": UNKNOWN, "not_mentioned": UNKNOWN}
_OPTIONAL = ("source", "labeller", "evidence")


def state_counts(long: pl.DataFrame) -> str:
    """How many cells are present, absent and uncertain, for people."""
    counts = dict(long["state"].value_counts().iter_rows())
    return ", ".join(f"{counts.get(s, 0)} {s}" for s in STATES[:3])


def is_long(header: Sequence[str]) -> bool:
    """Whether a table of these columns has a row for each study and finding."""
    return {"finding", "state"} <= {plain(name) for name in header}


def from_long(
    given: pl.DataFrame,
    table: FindingsTable,
    id_name: str | None = None,
    source: str = "reader",
    labeller: str = "",
    ignore: Sequence[str] = (),
    where: str | Path = "the label table",
) -> tuple[str, pl.DataFrame]:
    """The long table as molre keeps it, closed under the hierarchy.

    What the hierarchy decides (a present child, an absent parent) is put in place of ``uncertain``
    and ``not_mentioned``; a stated contradiction is refused.

    Args:
        given: columns as above; others must be in ``ignore``.
        table: the K findings known.
        id_name: the column that names the study; found among the usual names if not given.
        source: where the table does not say.
        labeller: where the table does not say.
        ignore: columns to leave out.
        where: it is from, for messages.

    Returns:
        The heading of the column that names the studies, and the long table: id, finding, state,
        source, labeller, evidence; K rows a study.

    Raises:
        MolreError: a column that is lacking, unknown or no text, a study without a name, an unknown
            finding or state, two rows for one study and finding, a contradiction within the
            hierarchy.
    """
    given = given.select(name for name in given.columns if name not in ignore)
    check_columns(where, given.columns)
    name = id_column(where, given.columns, id_name)
    rows = _rows(given, name, where)
    _check(rows, name, table, where)
    return name, _closed(rows, table, source, labeller, where)


def _rows(given: pl.DataFrame, name: str, where: str | Path) -> pl.DataFrame:
    """The columns under their own names, all texts without surrounding space."""
    called = {plain(c): c for c in given.columns if c != name}
    unknown = [c for p, c in called.items() if p not in ("finding", "state", *_OPTIONAL)]
    if unknown:
        raise MolreError(
            f"unknown column {unknown[0]!r}",
            where=where,
            fix=f"{did_you_mean(plain(unknown[0]), _OPTIONAL)}, or leave it out by "
            f"--ignore-column {shlex.quote(unknown[0])}",
        )
    texts = [
        _text(given[at], where).alias(column)
        for column in LONG_SCHEMA
        if (at := name if column == "id" else called.get(column))
    ]
    missing = [pl.lit("").alias(c) for c in _OPTIONAL if c not in called]
    return pl.DataFrame(texts).with_columns(missing).select(*LONG_SCHEMA)


def _text(cells: pl.Series, where: str | Path) -> pl.Series:
    try:
        if (
            cells.dtype.is_nested() or cells.dtype.is_object()
        ):  # of which polars makes JSON, or ends
            raise pl.exceptions.InvalidOperationError
        return cells.cast(pl.String).str.strip_chars().fill_null("")
    except pl.exceptions.PolarsError:
        raise MolreError(
            f"column {cells.name!r} is of {cells.dtype}, not text", where=where, fix="write text"
        ) from None


def _check(rows: pl.DataFrame, name: str, table: FindingsTable, where: str | Path) -> None:
    if rows.is_empty():
        raise MolreError("has no rows", where=where, fix="add some")
    if (rows["id"] == "").any():
        raise MolreError(f"a row has no {name}", where=where, fix="fill it in or remove the row")
    for finding in rows["finding"].unique(maintain_order=True):
        if finding not in table.by_id:
            raise MolreError(f"unknown finding {finding!r}", where=where, fix=guess(finding, table))
    for state in rows["state"].unique(maintain_order=True):
        if state not in STATES:
            raise MolreError(
                f"unknown state {state!r}", where=where, fix=did_you_mean(state, STATES)
            )
    pair = ["id", "finding"]
    twice = rows.filter(rows.select(pair).is_duplicated())
    if not twice.is_empty():
        study, finding = twice.select(pair).row(0)
        raise MolreError(
            f"study {study!r} has two rows for {finding}", where=where, fix="keep one of them"
        )


def _closed(
    rows: pl.DataFrame, table: FindingsTable, source: str, labeller: str, where: str | Path
) -> pl.DataFrame:
    ids = rows["id"].unique(maintain_order=True)
    n, k = len(ids), len(table)
    study = rows["id"].replace_strict(dict(zip(ids, range(n), strict=True)))
    column = rows["finding"].replace_strict({f: c for c, f in enumerate(table.ids)})
    stated = np.full((n, k), UNKNOWN, dtype=np.int8)
    stated[study.to_numpy(), column.to_numpy()] = rows["state"].replace_strict(CODES).to_numpy()
    decided = close(stated, table, ids.to_list(), where).reshape(-1)
    words = pl.Series(decided).replace_strict(
        {PRESENT: "present", ABSENT: "absent"}, default=None, return_dtype=pl.String
    )
    grid = pl.DataFrame(
        {"id": np.repeat(ids.to_numpy(), k), "finding": list(table.ids) * n, "decided": words}
    )
    # a finding that the table leaves out is not mentioned by whoever labeled the study
    by = rows.group_by("id").agg(pl.col("source").first(), pl.col("labeller").first())
    joined = grid.join(rows, on=["id", "finding"], how="left", maintain_order="left")
    joined = joined.join(by, on="id", how="left", maintain_order="left", suffix="_of_study")
    return joined.select(
        "id",
        "finding",
        pl.coalesce("decided", "state", pl.lit("not_mentioned")).alias("state"),
        pl.coalesce("source", "source_of_study").replace("", source).alias("source"),
        pl.coalesce("labeller", "labeller_of_study").replace("", labeller).alias("labeller"),
        pl.col("evidence").fill_null(""),
    ).cast(LONG_SCHEMA)  # type: ignore[arg-type]
