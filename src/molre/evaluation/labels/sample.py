"""Which cells a person should check, and how many: a sample drawn by finding and state.

Rare findings would hardly be in a plain sample, so each finding and state is a stratum of its own.
Studies read one after the other, as they come, can be added whole: they show the daily work, and
are a stratum that is read entirely. Each drawn cell keeps how many it stands for (``weight``), so
that what is estimated from the sample holds for all labels that it was drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.evaluation.statistics.intervals import LEVEL, wilson
from molre.labels.rows import read_rows

COLUMNS = ("study", "finding", "stratum", "weight")
CONSECUTIVE = "consecutive"
_STREAM = 0x5A3B1E


@dataclass(frozen=True)
class Plan:
    """What to draw.

    Attributes:
        present: cells of each finding that the labels call present; decides how sure PPV is.
        others: cells of each finding in each other state; decide how sure sensitivity is.
        consecutive: studies that are added whole, the first of the table.
        seed: of the draw.
    """

    present: int = 20
    others: int = 10
    consecutive: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers that nothing can be drawn by."""
        for name in ("present", "others", "consecutive"):
            value = getattr(self, name)
            if value < 0:
                raise MolreError(f"{value} is negative", where=f"--{name}", fix="write 0 or more")


def draw_sample(labels: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Draw cells.

    A stratum with no more cells than are wanted is taken whole.

    Args:
        labels: long table with id, finding, state, of the findings to be checked.
        plan: what to draw.

    Returns:
        Columns study, finding, stratum, weight, in the order of the labels.
    """
    ids = labels["id"].unique(maintain_order=True)
    first = ids.head(plan.consecutive)
    rows = labels.select("id", "finding", "state").with_row_index("at")
    rows = rows.with_columns(taken=pl.col("id").is_in(first.implode()))
    rng = np.random.default_rng([plan.seed, _STREAM])
    drawn = []
    for (finding, state, taken), part in rows.partition_by(
        "finding", "state", "taken", as_dict=True, maintain_order=True
    ).items():
        wanted = plan.present if state == "present" else plan.others
        size = len(part)
        count = size if taken else min(size, wanted)
        if not count:
            continue
        picked = np.sort(rng.choice(size, count, replace=False))
        name = f"{finding}|{state}" + (f"|{CONSECUTIVE}" if taken else "")
        drawn.append(
            part[picked.tolist()].select(
                "at",
                pl.col("id").alias("study"),
                "finding",
                pl.lit(name).alias("stratum"),
                pl.lit(size / count).alias("weight"),
            )
        )
    if not drawn:
        raise MolreError("nothing to draw", fix="ask for at least one cell of a state")
    return pl.concat(drawn).sort("at").select(COLUMNS)


def cells_needed(half_width: float, expected: float = 0.9, level: float = LEVEL) -> int:
    """Fewest cells with which Wilson's interval of a share is no wider than asked for.

    Args:
        half_width: of the interval, e.g. 0.05.
        expected: the share that is expected, e.g. a sensitivity of 0.9.
        level: of the interval.

    Raises:
        MolreError: not a share.
    """
    if not 0 < half_width < 0.5 or not 0 <= expected <= 1:
        raise MolreError(
            f"half-width {half_width:g} at {expected:g} cannot be planned for",
            fix="give a half-width between 0 and 0.5, and a share between 0 and 1",
        )

    def half(n: int) -> float:
        low, high = wilson(expected * n, n, level)
        return (high - low) / 2

    low, high = 1, 2
    while half(high) > half_width:
        low, high = high, 2 * high
    while low < high:  # the width falls with n
        middle = (low + high) // 2
        low, high = (low, middle) if half(middle) <= half_width else (middle + 1, high)
    return low


def read_sample(path: Path) -> pl.DataFrame:
    """Columns id, finding, stratum, weight of a sample that :func:`draw_sample` gave.

    Raises:
        MolreError: another table, a weight that is no number of at least 1, or a cell twice.
    """
    header, rows = read_rows(path)
    if not set(COLUMNS) <= set(header):
        raise MolreError("is not a sample", where=path, fix="give one of `molre label-sample`")
    table = pl.DataFrame([row for _, row in rows], schema=header, orient="row")
    weight = table["weight"].cast(pl.Float64, strict=False)
    bad = weight.is_null() | ~weight.is_finite() | (weight < 1 - 1e-9)
    if bad.fill_null(True).any():
        line = rows[int(bad.fill_null(True).arg_max() or 0)][0]
        raise MolreError(
            f"line {line}: the weight is not a number of at least 1",
            where=path,
            fix="draw the sample again",
        )
    sample = table.with_columns(weight=weight).rename({"study": "id"})
    if sample.select("id", "finding").is_duplicated().any():
        raise MolreError("holds a cell twice", where=path, fix="draw the sample again")
    return sample.select("id", "finding", "stratum", "weight")
