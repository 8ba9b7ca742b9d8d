"""A sample of cells for a person to check, and what it will be able to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre.errors import MolreError, did_you_mean
from molre.evaluation.labels.cells import Side
from molre.evaluation.labels.plan import Aim, widths
from molre.evaluation.labels.sample import COLUMNS, Plan, draw_sample
from molre.folders import claim_file, refuse_existing
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from molre.labels.stated import stated
from molre.table_files import write_csv


@dataclass(frozen=True)
class Drawn:
    """A sample as written.

    Attributes:
        sample: study, finding, stratum, weight.
        cells: how many it was drawn from.
        short: findings with fewer present cells than were wanted, all of which were taken.
        widths: of :func:`molre.evaluation.labels.plan.widths`.
    """

    sample: pl.DataFrame
    cells: int
    short: tuple[str, ...]
    widths: pl.DataFrame


def sample_labels(
    labels: Path,
    out: Path,
    plan: Plan,
    aim: Aim = Aim(),
    only: Sequence[str] = (),
    id_column: str | None = None,
    ignore: Sequence[str] = (),
    *,
    overwrite: bool = False,
) -> Drawn:
    """Draw cells of a label table and write them, with their weights, as a CSV.

    Args:
        labels: label table.
        out: CSV to write; it names studies, and no labels.
        plan: how many of what.
        aim: what is expected, for how sure the numbers will be.
        only: findings to draw from; all that the labels speak of by default.
        id_column: of the labels; found if not given.
        ignore: columns of the labels to leave out.
        overwrite: replace a sample that is there.

    Raises:
        MolreError: a bad table, an unknown finding, or a file in the way.
    """
    claim_file(out, ",".join(COLUMNS))
    refuse_existing(out, overwrite=overwrite)
    _, long = read_labels(labels, findings(), id_column, source="not stated", ignore=ignore)
    side = Side("labels", long, stated(labels, findings(), id_column, ignore))
    spoken = side.findings(findings())
    for one in only:
        if one not in spoken:
            raise MolreError(
                f"{labels} says nothing of {one!r}",
                where="--finding",
                fix=did_you_mean(one, spoken),
            )
    rows = long.filter(pl.col("finding").is_in(list(only or spoken)))
    if side.stated.wide:
        rows = rows.join(side.stated.cells, on=["id", "finding"], how="semi", maintain_order="left")
    sample = draw_sample(rows, plan)
    present = dict(rows.filter(pl.col("state") == "present").group_by("finding").len().iter_rows())
    short = tuple(f for f in (only or spoken) if present.get(f, 0) < plan.present)
    counts = dict(rows.group_by("finding").len().iter_rows())
    sizes = [(f, present.get(f, 0), counts[f] - present.get(f, 0)) for f in counts]
    sizes.sort(key=lambda size: spoken.index(size[0]))
    write_csv(out, sample)
    return Drawn(sample, len(rows), short, widths(sizes, plan, aim))
