"""The further sections of a run's report as text: operating points, subgroups, sensitivity ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from molre.evaluation.endpoint import SCORED
from molre.evaluation.evaluate import Evaluation
from molre.evaluation.operating_points import CHOSEN
from molre.evaluation.sensitivity import MACRO
from molre.evaluation.subgroups import ALL
from molre.output.numbers import interval, number, p_value
from molre.output.run.figures import decision_curves, risk_coverage
from molre.output.run.label_noise import label_noise_context

CURVES = 6  # findings whose decision curve is drawn, those with most positives
ALPHA = 0.05
_COUNTS = ("n", "positives", "negatives", "auc")


def section_context(evaluation: Evaluation, names: Mapping[str, str]) -> dict[str, Any]:
    """What ``run_sections.html.j2`` shows, ready to print.

    Args:
        evaluation: from ``evaluate(run)``.
        names: of findings.
    """
    tables = evaluation.sections.tables
    makers = {
        "operating_points": lambda table: _operating(table, tables, evaluation.endpoint, names),
        "decision_curve": lambda table: _decision(table, names),
        "subgroups": lambda table: _subgroups(table, names),
        "abstention": _abstention,
        "sensitivity": lambda table: _sensitivity(table, names),
        "label_noise": lambda table: label_noise_context(table, evaluation.run, names),
    }
    context: dict[str, Any] = {name: None for name in makers}
    context |= {name: make(tables[name]) for name, make in makers.items() if name in tables}
    context["missing"] = evaluation.sections.missing
    return context


def _operating(
    table: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    members: Sequence[str],
    names: Mapping[str, str],
) -> dict[str, Any]:
    """Points of the endpoint's findings; those of the others are in the table alone."""
    scored = table.filter(pl.col("finding").is_in(list(members)))
    rows = [
        {
            "name": names[point["finding"]],
            "rule": point["rule"],
            "on": "{calibrate_positives} with, {calibrate_negatives} without".format(**point),
            "threshold": number(point["threshold"]),
            "sensitivity": _share(point, "sensitivity"),
            "specificity": _share(point, "specificity"),
        }
        for point in scored.filter(pl.col("status") == CHOSEN).iter_rows(named=True)
    ]
    values = tables.get("predictive_values", pl.DataFrame({"finding": []}))
    return {
        "rows": rows,
        "without": len(scored) - len(rows),
        "others": len(table) - len(scored),
        "predictive": _predictive(values.filter(pl.col("finding").is_in(list(members))), names),
    }


def _predictive(table: pl.DataFrame, names: Mapping[str, str]) -> dict[str, Any]:
    """A row a point, a column a stated prevalence; the test set's own differs by finding."""
    if table.is_empty():
        return {"stated": [], "rows": []}
    points = table.partition_by("finding", "rule", maintain_order=True)
    rows = []
    for point in points:
        cells = [
            {
                "prevalence": f"{100 * row['prevalence']:.3g} %",
                "ppv": number(row["ppv"], 2),
                "ppv_interval": interval(row["ppv_low"], row["ppv_high"], 2),
                "npv": number(row["npv"], 3),
                "npv_interval": interval(row["npv_low"], row["npv_high"], 3),
            }
            for row in point.iter_rows(named=True)
        ]
        name, rule = names[point["finding"][0]], point["rule"][0]
        rows.append({"name": name, "rule": rule, "cells": cells})
    return {"stated": [cell["prevalence"] for cell in rows[0]["cells"][1:]], "rows": rows}


def _share(row: Mapping[str, Any], what: str) -> tuple[str, str, str]:
    if row[what] is None:
        return number(None), "", ""
    hits = f"{round(row[what] * row[f'{what}_n'])}/{row[f'{what}_n']}"
    return number(row[what], 2), hits, interval(row[f"{what}_low"], row[f"{what}_high"], 2)


def _decision(table: pl.DataFrame, names: Mapping[str, str]) -> dict[str, Any]:
    order = table.unique("finding", keep="first", maintain_order=True).sort(
        "positives", descending=True, maintain_order=True
    )
    shown = order["finding"].head(CURVES).to_list()
    return {
        "chart": decision_curves(table, names, shown),
        "shown": len(shown),
        "findings": len(order),
        "uncalibrated": order.filter(~pl.col("calibrated").fill_null(False))["finding"].len(),
    }


def _subgroups(table: pl.DataFrame, names: Mapping[str, str]) -> dict[str, Any]:
    dimensions = []
    tests = table.filter(pl.col("group") == ALL)
    for dimension in table["dimension"].unique(maintain_order=True):
        mine = table.filter(pl.col("dimension") == dimension)
        groups = [g for g in mine["group"].unique(maintain_order=True) if g != ALL]
        rows = []
        for finding in mine["finding"].unique(maintain_order=True):
            of_finding = {
                row["group"]: row
                for row in mine.filter(pl.col("finding") == finding).iter_rows(named=True)
            }
            test = of_finding[ALL]
            rows.append(
                {
                    "name": names[finding],
                    "cells": [_group_cell(of_finding[group]) for group in groups],
                    "p": p_value(_nan(test["p_variation"])),
                    "adjusted": p_value(_nan(test["p_variation_adjusted"])),
                }
            )
        dimensions.append({"name": dimension, "groups": groups, "rows": rows})
    adjusted = tests["p_variation_adjusted"].drop_nulls()
    return {
        "dimensions": dimensions,
        "tests": len(adjusted),
        "found": int((adjusted < ALPHA).sum()),
    }


def _group_cell(row: Mapping[str, Any]) -> dict[str, str]:
    scored = row["status"] == SCORED
    return {
        "auc": number(row["auc"]) if scored else row["status"],
        "interval": interval(row["auc_low"], row["auc_high"], 2) if scored else "",
        "counts": f"{row['positives']}/{row['n']}",
    }


def _abstention(table: pl.DataFrame) -> dict[str, Any]:
    firsts = table.unique("measure", keep="first", maintain_order=True)
    return {
        "chart": risk_coverage(table),
        "rows": [
            {
                "measure": row["measure"],
                "n": f"{row['kept']:,}",
                "calls": f"{row['calls']:,}",
                "aurc": number(row["aurc"]),
                "random": number(row["aurc_random"]),
                "best": number(row["aurc_best"]),
                "gain": number(row["gain"], sign=True),
                "gain_interval": interval(row["gain_low"], row["gain_high"], sign=True),
            }
            for row in firsts.iter_rows(named=True)
        ],
        "measures": len(firsts),
    }


def _sensitivity(table: pl.DataFrame, names: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for comparison in table["comparison"].unique(maintain_order=True):
        mine = table.filter(pl.col("comparison") == comparison)
        variants = mine["variant"].unique(maintain_order=True).to_list()
        cells = {
            (row["finding"], row["variant"]): row for row in mine.iter_rows(named=True)
        }  # fmt: skip
        ids = mine["finding"].unique(maintain_order=True).to_list()
        scored = [
            finding
            for finding in ids
            if any(cells[finding, variant]["auc"] is not None for variant in variants)
        ]
        rows = [
            {
                "name": names.get(finding, finding),
                "macro": finding == MACRO,
                "status": cells[finding, variants[0]]["status"],
                "cells": [_variant_cell(cells[finding, variant]) for variant in variants],
            }
            for finding in sorted(scored, key=lambda finding: finding != MACRO)
        ]
        found.append(
            {
                "name": comparison,
                "variants": variants,
                "rows": rows,
                "others": len(ids) - len(scored),
                "alike": all(
                    len({tuple(cells[f, v][c] for c in _COUNTS) for v in variants}) == 1
                    for f in ids
                ),
            }
        )
    return found


def _variant_cell(row: Mapping[str, Any]) -> dict[str, str]:
    counts = f"n = {row['n']}" if row["finding"] == MACRO else f"{row['positives']}/{row['n']}"
    if row["auc"] is None:
        return {"auc": row["status"], "interval": "", "counts": counts}
    return {
        "auc": number(row["auc"]),
        "interval": interval(row["auc_low"], row["auc_high"], 2) if row["auc_low"] else "",
        "counts": counts,
    }


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
