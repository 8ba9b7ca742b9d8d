"""report.html of a consistency check: drift of each finding, and the pairs that drift most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from molre.evaluation.consistency import FEWEST, LIMITS, MEAN, Consistency, worst
from molre.output import charts
from molre.output.finding_names import finding_names
from molre.output.numbers import NONE, interval, number
from molre.output.report_json import write_report


def write_consistency_report(result: Consistency, path: Path, banner: str | None) -> None:
    """Write a self-contained page (no script, no outside request), and what it shows as JSON.

    Args:
        result: of the check.
        path: e.g. ``OUT/report.html``; ``OUT/report.json`` is written beside it.
        banner: the page's first line.
    """
    names = finding_names(result.pairs.findings) | {MEAN: "All findings"}
    parts = result.table.partition_by("contrast", maintain_order=True)
    context = {
        "title": f"Consistency of {result.name}",
        "banner": banner,
        "name": result.name,
        "pairs": len(result.pairs.patients),
        "patients": len(set(result.pairs.patients)),
        "withheld": result.withheld,
        "unwithheld": result.unwithheld,
        "failed": len(result.failed),
        "few": FEWEST,
        "limits": LIMITS,
        "sections": [_section(part, names) for part in parts],
        "worst": [(s, names[f], c, number(a), number(b)) for s, f, c, a, b in worst(result.pairs)],
    }
    write_report(path, "consistency.html.j2", context)


def _section(table: pl.DataFrame, names: dict[str, str]) -> dict[str, Any]:
    rows = table.to_dicts()
    points = [
        None if row["drift"] is None else (row["drift"], row["drift_low"], row["drift_high"])
        for row in rows
    ]
    chart = charts.forest(
        [names[row["finding"]] for row in rows],
        [charts.Series("drift", points)],
        label="mean absolute difference of the probability, 95 % interval",
        reference=0.0,
        lowest=None,
        empty=f"fewer than {FEWEST} patients",
    )
    return {
        "name": rows[0]["contrast"],
        "pairs": rows[0]["pairs"],
        "patients": rows[0]["patients"],
        "chart": chart,
        "rows": [_row(row, names) for row in rows],
    }


def _row(row: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    counted = row["flips"] is not None and row["finding"] != MEAN
    share = interval(row["flip_low"], row["flip_high"])
    if row["flip_share"] is not None:
        share = f"{number(row['flip_share'])} ({share})"
    return {
        "name": names[row["finding"]],
        "drift": number(row["drift"]),
        "drift_interval": interval(row["drift_low"], row["drift_high"]),
        "bias": number(row["bias"], sign=True),
        "limits": interval(row["agree_low"], row["agree_high"], sign=True),
        "threshold": number(row["threshold"]),
        "flips": f"{row['flips']}/{row['pairs']}" if counted else NONE,
        "flip_share": share,
    }
