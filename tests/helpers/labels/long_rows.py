"""Rows of a long label table, as a report labeler writes them."""

from __future__ import annotations

import polars as pl

ROWS = [
    ("A", "epidural_hemorrhage", "present", "report-rules", "rules 2", "epidural hematoma"),
    ("A", "hydrocephalus", "uncertain", "report-rules", "rules 2", "possible hydrocephalus"),
    ("B", "skull_fracture", "absent", "", "", ""),
]
COLUMNS = ["study", "finding", "state", "source", "labeller", "evidence"]


def frame(rows: list[tuple[str, ...]] = ROWS, columns: list[str] = COLUMNS) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=columns, orient="row")


def row(long: pl.DataFrame, study: str, finding: str) -> dict[str, str]:
    return long.filter(id=study, finding=finding).to_dicts()[0]
