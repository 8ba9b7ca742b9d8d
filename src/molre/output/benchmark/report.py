"""The report of a benchmark: what each backbone shows, the table, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from molre.arms.arms import FROZEN, METHOD
from molre.output import charts
from molre.output.benchmark.table import (
    BenchmarkRow,
    BenchmarkTable,
    Versus,
    reading,
    share_text,
)
from molre.output.numbers import NONE, interval, number, p_value
from molre.output.report_json import write_report


def write_benchmark_report(table: BenchmarkTable, path: Path) -> None:
    """Write a self-contained page (no script, no outside request), and what it shows as JSON.

    Args:
        table: as collected.
        path: e.g. ``BENCH/report.html``; ``BENCH/report.json`` is written beside it.
    """
    groups = list(dict.fromkeys((row.backbone, row.placement) for row in table.rows))
    context = {
        "kind": "benchmark on head CT",
        "title": f"Benchmark: {table.name}",
        "synthetic": table.synthetic,
        "wide": True,
        "sizes": table.sizes() if table.scored_rows else "",
        "failed": len(table.failed),
        "failures": table.failures(),
        "missing": list(table.missing),
        "not_applicable": table.not_applicable(),
        "budget": table.budget,
        "groups": [_group(table, *group) for group in groups],
        "forest": _forest(table),
        "reading": reading(table),
        "categories": [
            {"name": name, "findings": count} for name, count in table.categories.items()
        ],
        "by_category": [_categories(row, table) for row in table.scored_rows],
        "notes": list(table.notes),
        "dash": NONE,
    }
    write_report(path, "benchmark.html.j2", context)


def _group(table: BenchmarkTable, backbone: str, placement: str) -> dict[str, Any]:
    rows = [r for r in table.rows if (r.backbone, r.placement) == (backbone, placement)]
    shown = [row for row in rows if row.state != "not applicable"]
    method = next((row for row in rows if row.arm == METHOD), None)
    return {
        "name": f"{backbone}, {placement}",
        "placement": placement,
        "slot": rows[0].slot,
        "parameters": _millions(rows[0].parameters),
        "endpoint": next((f"mean of {r.endpoint} findings" for r in rows if r.endpoint), ""),
        "headline": _headline(method) if method is not None else "",
        "rows": [_cells(row) for row in shown],
    }


def _headline(row: BenchmarkRow) -> str:
    """What comes first of a backbone: the method against frozen, or why there is nothing."""
    if row.state == "not applicable":
        return f"{METHOD} is not applicable: {row.verdict.rstrip('.')}."
    if row.frozen is None:
        return f"{METHOD}: {row.verdict.rstrip('.')}."
    versus = row.frozen
    bounds = interval(versus.low, versus.high, sign=True)
    said = f"{METHOD} minus {FROZEN}: {number(versus.value, sign=True)} ({bounds})"
    return f"{said}, {row.verdict}."


def _cells(row: BenchmarkRow) -> dict[str, Any]:
    return {
        "arm": row.arm,
        "state": row.state,
        "seeds": row.seeds,
        "verdict": row.verdict,
        "not_converged": row.short,
        "at_edge": row.at_edge,
        "runs": [(cell.rsplit("-", 1)[-1], f"cells/{cell}/report.html") for cell in row.cells],
        "lacking": row.wanted - row.seeds,
        "added": share_text(row),
        "added_count": f"{row.added:,}" if row.added is not None else "",
        "auc": number(row.auc),
        "interval": interval(row.low, row.high),
        "spread": number(row.spread),
        "frozen": _versus(row.frozen),
        "method": _versus(row.method),
        "above": f"{row.above}/{row.scored}" if row.scored else NONE,
        "seconds": number(row.seconds, 2),
    }


def _categories(row: BenchmarkRow, table: BenchmarkTable) -> dict[str, Any]:
    values = [number(row.categories.get(name)) for name in table.categories]
    return {"arm": row.arm, "on": f"{row.backbone}, {row.placement}", "aucs": values}


def _versus(versus: Versus | None) -> tuple[str, str, str]:
    if versus is None:
        return NONE, "", ""
    bounds = interval(versus.low, versus.high, sign=True)
    alone = "" if math.isnan(versus.alone) else f" ({p_value(versus.alone)} before Holm)"
    least = f"; {versus.found_from}" if versus.found_from else ""
    return number(versus.value, sign=True), bounds, f"p {p_value(versus.p)}{alone}{least}"


def _millions(parameters: int | None) -> str:
    return f"{parameters / 1e6:.2f} M parameters" if parameters else ""


def _forest(table: BenchmarkTable) -> str:
    """A row a backbone and placement, in it MoLRE minus frozen and minus each control."""
    shown = {g: c for g, c in table.contrasts.items() if any(v.primary for v in c)}
    against = dict.fromkeys(v.control for c in shown.values() for v in c if v.primary)
    controls = sorted(against, key=lambda name: name != FROZEN)
    points = {control: [_point(c, control) for c in shown.values()] for control in controls}
    values = [p for row in points.values() for p in row if p is not None]
    if not values or not np.isfinite(values).any():
        return ""
    return charts.forest(
        [_label(table, *group) for group in shown],
        [charts.Series(control, points[control]) for control in controls],
        label=f"{METHOD} minus another arm: difference of macro AUC with 95 % interval",
        reference=0.0,
        lowest=None,
    )


def _point(contrasts: Sequence[Versus], control: str) -> tuple[float, float, float] | None:
    found = (v for v in contrasts if v.primary and v.control == control)
    versus = next(found, None)
    if versus is None or not np.isfinite((versus.value, versus.low, versus.high)).all():
        return None
    return versus.value, versus.low, versus.high


def _label(table: BenchmarkTable, backbone: str, placement: str) -> str:
    """Two lines; the table's rows know the backbone by the name that its runs keep."""
    rows = [r for r in table.rows if r.placement == placement and r.arm == METHOD]
    row = next((r for r in rows if r.backbone == backbone), None)
    short = ", not converged" if row is not None and row.short else ""
    edge = ", rate at the edge" if row is not None and row.at_edge else ""
    return f"{backbone}\n{placement}{short}{edge}"
