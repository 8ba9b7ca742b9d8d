"""What a label means for training: present 1, absent 0, unknown nan; and what silence means."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl

from molre.errors import MolreError, did_you_mean
from molre.labels.findings import FindingsTable

POLICIES = ("blank_means", "mask")


def targets(
    labels: pl.DataFrame, studies: list[str], table: FindingsTable, policy: str = "blank_means"
) -> np.ndarray:
    """Targets of studies.

    Under ``blank_means`` a finding that a report does not mention is what the table's column says:
    absent, or unknown where readers often leave it out. That holds only where there is a report
    (sources that start with ``report``); elsewhere, and under ``mask``, a blank is unknown.
    Uncertain is always unknown.

    Args:
        labels: long table with study_id, finding, state, source.
        studies: N keys, in order; a study without labels is all unknown.
        table: K findings.
        policy: ``blank_means`` or ``mask``.

    Returns:
        float32 (N, K).

    Raises:
        MolreError: unknown policy.
    """
    if policy not in POLICIES:
        raise MolreError(f"unknown blank policy {policy!r}", fix=f"choose {' or '.join(POLICIES)}")
    row = {s: i for i, s in enumerate(dict.fromkeys(studies))}
    column = {f: k for k, f in enumerate(table.ids)}
    absent_if_blank = [f.id for f in table if f.blank_means == "absent"]
    state = pl.col("state")
    blank_is_absent = (
        pl.lit(policy == "blank_means")
        & (state == "not_mentioned")
        & pl.col("source").str.starts_with("report")
        & pl.col("finding").is_in(absent_if_blank)
    )
    value = pl.when(state == "present").then(1).when((state == "absent") | blank_is_absent).then(0)
    known = labels.select(
        _position("study_id", row).alias("row"),
        _position("finding", column).alias("column"),
        value.cast(pl.Float32).alias("value"),
    ).drop_nulls()
    found = np.full((len(row), len(table)), np.nan, dtype=np.float32)
    found[known["row"].to_numpy(), known["column"].to_numpy()] = known["value"].to_numpy()
    return found[[row[s] for s in studies]]


def of_sources(labels: pl.DataFrame, sources: Collection[str]) -> pl.DataFrame:
    """Labels of these sources; those of others are as if they had never been given.

    Args:
        labels: long table with source.
        sources: as the column has them; none are all.

    Raises:
        MolreError: there is no label of one of the sources.
    """
    if not sources:
        return labels
    there = labels["source"].unique().sort().drop_nulls().to_list()
    for source in sources:
        if source not in there:
            raise MolreError(
                f"no label is of the source {source!r}",
                where="--set label_sources",
                fix=did_you_mean(source, there),
            )
    return labels.filter(pl.col("source").is_in(list(sources)))


def _position(name: str, position: dict[str, int]) -> pl.Expr:
    """A column's names as their positions; null where a name has none."""
    return pl.col(name).replace_strict(position, default=None, return_dtype=pl.Int64)
