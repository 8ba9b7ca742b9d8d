"""report.html of a run: how well each finding is read, how sure that is, what the router does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre import files
from molre.evaluation.endpoint import SCORED
from molre.evaluation.evaluate import Evaluation
from molre.evaluation.finding import Estimate, FindingResult
from molre.evaluation.routing import RoutingSummary
from molre.output import charts
from molre.output.example import Example
from molre.output.finding_names import finding_names
from molre.output.numbers import interval, number
from molre.output.page import render


def write_run_report(evaluation: Evaluation, path: Path, examples: Sequence[Example] = ()) -> None:
    """Write a self-contained page: no script, no outside request.

    Args:
        evaluation: from ``evaluate(run)``.
        path: e.g. ``RUN/report.html``.
        examples: cases with their key slices, drawn as a grid.
    """
    run = evaluation.run
    names = finding_names(run.findings)
    html = render(
        "run.html.j2",
        title=f"{run.arm}, seed {run.seed}: {evaluation.studies} test studies",
        synthetic=run.synthetic,
        run=run,
        manifest=run.manifest,
        sizes=run.manifest.get("n") or {},
        evaluation=evaluation,
        rows=[_row(result, names) for result in evaluation.findings],
        macro=number(evaluation.macro.value),
        macro_interval=interval(evaluation.macro.low, evaluation.macro.high),
        pooled=evaluation.pooled,
        forest=_forest(evaluation, names),
        reliability=_reliability(evaluation),
        curve=_curve(run.history),
        routing=_routing(evaluation.routing, names),
        examples=list(examples),
        number=number,
    )
    files.write_text(path, html)


def _row(result: FindingResult, names: dict[str, str]) -> dict[str, Any]:
    """Cells of the table, as text; a finding with too few cases gets counts and no AUC."""
    support, auc, measured = result.support, result.auc, result.calibration
    threshold, sensitivity, specificity = result.threshold, result.sensitivity, result.specificity
    return {
        "name": names[result.finding],
        "scored": support.status == SCORED,
        "support": support,
        "auc": number(auc.value) if auc else support.status,
        "interval": interval(auc.low, auc.high) if auc else "",
        "method": auc.method if auc else "",
        "threshold": number(threshold.value) if threshold else number(None),
        "sensitivity": _share(sensitivity),
        "specificity": _share(specificity),
        "brier_skill": number(measured.skill, 2) if measured else number(None),
        "slope": number(measured.slope, 2) if measured else number(None),
        "ece": number(measured.ece, 2) if measured else number(None),
    }


def _share(estimate: Estimate | None) -> tuple[str, str]:
    """``42/49`` and the interval of that share."""
    if estimate is None:
        return number(None), ""
    hits = round(estimate.value * estimate.n)
    return f"{hits}/{estimate.n}", interval(estimate.low, estimate.high, 2)


def _forest(evaluation: Evaluation, names: dict[str, str]) -> str:
    points = [
        (result.auc.value, result.auc.low, result.auc.high) if result.auc else None
        for result in evaluation.findings
    ]
    labels = [
        f"{names[result.finding]}  ({result.support.positives}/{result.support.n})"
        for result in evaluation.findings
    ]
    series = [charts.Series(evaluation.run.arm, points)]
    return charts.forest(
        labels,
        series,
        label="AUC with 95 % interval",
        empty="fewer than ten of a class: not scored",
    )


def _reliability(evaluation: Evaluation) -> str:
    if not evaluation.bins:
        return ""
    bins = [(b.predicted, b.observed, b.low, b.high, b.n) for b in evaluation.bins]
    return charts.reliability_plot(bins, label="reliability of the probabilities, test studies")


def _curve(history: pl.DataFrame | None) -> str:
    if history is None or history.is_empty():
        return ""
    history = _chosen(history)
    columns = {
        name: history[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("epoch", "train_loss", "tune_auc", "gate_entropy")
        if name in history.columns
    }
    return charts.training_curve(
        columns["epoch"], columns["train_loss"], columns["tune_auc"], columns.get("gate_entropy")
    )


def _chosen(history: pl.DataFrame) -> pl.DataFrame:
    """Epochs of the learning rate that training kept: the best on tune, the first on a tie.

    A run tries its learning rates one after the other, so epochs start anew with each.
    """
    starts = pl.col("epoch").diff().fill_null(1) <= 0
    rates = history.with_columns(rate=starts.cast(pl.Int64).cum_sum())
    best = rates.group_by("rate").agg(pl.col("tune_auc").fill_nan(None).max())
    best = best.sort(["tune_auc", "rate"], descending=[True, False], nulls_last=True)
    return rates.filter(pl.col("rate") == best["rate"][0])


def _routing(summary: RoutingSummary | None, names: dict[str, str]) -> dict[str, Any] | None:
    if summary is None:
        return None
    experts = [f"expert {e + 1}" for e in range(len(summary.load))]
    picture = ""
    if summary.findings:
        picture = charts.heatmap(
            summary.association,
            [names[finding] for finding in summary.findings],
            [str(e + 1) for e in range(len(experts))],
            across="expert",
            label="gate with minus without,\nin standard errors",
            critical=summary.critical,
        )
    even = 1 / len(experts)
    load = charts.bars(
        experts, list(summary.load), label="mean gate (dashed: even)", limit=None, reference=even
    )
    return {"summary": summary, "heatmap": picture, "load": load, "experts": len(experts)}
