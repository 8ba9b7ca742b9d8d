"""report.html of a run: how well each finding is read, how sure that is, what the router does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.evaluation.calibration import ENOUGH, Calibration
from molre.evaluation.endpoint import SCORED
from molre.evaluation.evaluate import Evaluation
from molre.evaluation.finding_metrics import FindingResult
from molre.evaluation.statistics.estimate import Estimate
from molre.output import charts
from molre.output.example import Example
from molre.output.finding_names import finding_names
from molre.output.numbers import interval, number
from molre.output.report_json import write_report
from molre.output.run.card import SUBGROUPS, Part
from molre.output.run.routing import routing_context
from molre.output.run.sections import section_context
from molre.output.synthetic_banner import page_banner

NEEDS_COHORT: tuple[tuple[str, ...], ...] = (
    ("cautions",),
    ("examples",),
    ("sections", "missing"),
    ("sections", "subgroups"),
    ("sections", "sensitivity"),
    ("card", SUBGROUPS),
)  # of report.json, that only the cohort's own tables and scans can give again


def write_run_report(
    evaluation: Evaluation,
    path: Path,
    examples: Sequence[Example] = (),
    card: Sequence[Part] = (),
) -> None:
    """Write a self-contained page (no script, no outside request), and what it shows as JSON.

    Args:
        evaluation: from ``evaluate(run)``.
        path: e.g. ``RUN/report.html``; ``RUN/report.json`` is written beside it.
        examples: cases with their key slices, drawn as a grid.
        card: parts of the model card with results, kept in the JSON.
    """
    write_report(path, "run.html.j2", _context(evaluation, examples) | {"card": list(card)})


def _context(evaluation: Evaluation, examples: Sequence[Example]) -> dict[str, Any]:
    """What the page shows, as plain data."""
    run, pooled = evaluation.run, evaluation.pooled
    names = finding_names(run.findings)
    return {
        "title": f"{run.arm}, seed {run.seed}: {evaluation.studies} test studies",
        **page_banner(scans=run.scans_synthetic, synthetic=run.synthetic),
        "arm": run.arm,
        "seed": run.seed,
        "studies": evaluation.studies,
        "patients": evaluation.patients,
        "endpoint": len(evaluation.endpoint),
        "size": evaluation.size,
        "macro": number(evaluation.macro.value),
        "macro_interval": interval(evaluation.macro.low, evaluation.macro.high),
        "draws": evaluation.draws,
        "dropped": evaluation.dropped,
        "cautions": list(evaluation.cautions),
        "findings": [_row(result, names) for result in evaluation.findings],
        "pooled": None if pooled is None else pooled.n,
        "pooled_text": _pooled(evaluation),
        "enough": ENOUGH,
        "forest": _forest(evaluation, names),
        "reliability": _reliability(evaluation),
        "curve": _curve(run.history),
        "sections": section_context(evaluation, names),
        "routing": routing_context(evaluation.routing, names, run.manifest),
        "examples": list(examples),
        "origin": _origin(run.manifest),
    }


def _origin(manifest: dict[str, Any]) -> dict[str, Any]:
    """Of manifest.json what the page shows: what the run was made with and from."""
    backbone = manifest["backbone"]
    return {
        "backbone": backbone["name"],
        "dim": backbone.get("dim"),
        "parameters": backbone.get("parameters"),
        "kind": (backbone.get("contract") or {}).get("kind"),
        "weights": _short_hash(backbone.get("weights_sha256")),
        "placement": manifest["placement"],
        "added_parameters": manifest["added_parameters"],
        "blank_policy": manifest.get("blank_policy"),
        "label_sources": manifest.get("label_sources") or [],
        "studies": manifest.get("n") or {},
        "epochs": manifest.get("epochs"),
        "learning_rate": manifest.get("learning_rate"),
        "splits": _short_hash(manifest.get("splits_sha256")),
        "labels": _short_hash(manifest.get("labels_sha256")),
        "created": manifest.get("created"),
        "git": (manifest.get("git") or "")[:12],
    }


def _short_hash(told: str | None) -> str:
    return (told or "unknown")[:16]


def _row(result: FindingResult, names: dict[str, str]) -> dict[str, Any]:
    """Cells of the table, as text; a finding with too few cases gets counts and no AUC."""
    support, auc, measured = result.support, result.auc, result.calibration
    threshold, sensitivity, specificity = result.threshold, result.sensitivity, result.specificity
    return {
        "name": names[result.finding],
        "scored": support.status == SCORED,
        "n": support.n,
        "positives": support.positives,
        "auc": number(auc.value) if auc else support.status,
        "interval": interval(auc.low, auc.high) if auc else "",
        "method": auc.method if auc else "",
        "threshold": number(threshold.value) if threshold else number(None),
        "sensitivity": _share(sensitivity),
        "specificity": _share(specificity),
        "brier_skill": number(measured.skill, 2) if measured else number(None),
        "slope": number(measured.slope, 2) if measured else number(None),
        "slope_chance": _chance(measured),
        "ece": number(measured.ece, 2) if measured else number(None),
        "ece_chance": ""
        if measured is None or math.isnan(measured.ece_chance)
        else f"chance {number(measured.ece_chance, 2)}",
    }


def _chance(measured: Calibration | None) -> str:
    """What the slope of a perfectly calibrated model would be, ``chance 0.62 to 1.38``."""
    if measured is None or math.isnan(measured.slope) or math.isnan(measured.slope_low):
        return ""
    return f"chance {interval(measured.slope_low, measured.slope_high, 2)}"


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
        empty="fewer than ten patients of a class: not scored",
    )


def _pooled(evaluation: Evaluation) -> str:
    """Calibration of all predictions of the scored findings together."""
    measured = evaluation.pooled
    if measured is None:
        return ""
    said = f"Brier score {number(measured.brier)}, skill {number(measured.skill, 2)}"
    if evaluation.patients < ENOUGH:
        return f"{said}; slope and ECE are not given below {ENOUGH} patients."
    return (
        f"{said}, slope {number(measured.slope, 2)} ({_chance(measured) or 'no chance range'}), "
        f"intercept {number(measured.intercept, 2)}, ECE {number(measured.ece)} (by chance up to "
        f"{number(measured.ece_chance)}, patients as clusters)."
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
