"""A benchmark's table with a row of every kind, made up."""

from __future__ import annotations

import math

from molre.output.benchmark.table import BenchmarkRow, BenchmarkTable, Versus

GAIN = Versus("molre", "frozen", 0.0312, 0.011, 0.052, 0.004, True)
LEVEL = Versus("molre", "molre_shuffled", 0.002, -0.008, 0.012, 0.61, True)
OTHER = Versus("molre_shuffled", "frozen", 0.029, 0.01, 0.049, 0.006, False)


def _row(arm: str, state: str = "done", **more: object) -> BenchmarkRow:
    facts: dict[str, object] = {
        "seeds": 3,
        "wanted": 3,
        "parameters": 85_000_000,
        "added": 200_000,
        "auc": 0.8,
        "low": 0.76,
        "high": 0.84,
        "spread": 0.01,
        "above": 3,
        "scored": 12,
        "endpoint": 12,
        "seconds": 0.42,
        "categories": {"hemorrhage": 0.9, "infarction": 0.7},
        "verdict": "no difference shown",
        "cells": tuple(f"vit-slice-{arm}-{i}" for i in range(3)),
    }
    given = {"backbone": "vit", "slot": "2D general", "placement": "slice", **facts, **more}
    return BenchmarkRow(arm=arm, state=state, **given)  # type: ignore[arg-type]


def _empty(backbone: str, arm: str, state: str, verdict: str) -> BenchmarkRow:
    return BenchmarkRow(backbone, "3D small", "slice", arm, state, verdict)


ROWS = (
    _row("frozen", verdict="the backbone as it is", seeds=2, cells=("a-0", "a-1")),
    _row(
        "molre",
        auc=0.8421,
        low=0.801,
        high=0.88,
        spread=0.0121,
        frozen=GAIN,
        categories={"hemorrhage": 0.91},
        verdict="gain also reached by the shuffled router: capacity, not routing",
    ),
    _row("molre_shuffled", "incomplete", seeds=2, spread=math.nan, frozen=OTHER, method=LEVEL),
    _row("mlp_matched", "not converged", seconds=None, cells=("vit-slice-mlp_matched-0",)),
    _empty("small3d", "molre", "not applicable", "trained from scratch"),
    _empty("small3d", "frozen", "failed", "failed: its process was killed"),
    _empty("small3d", "mlp_matched", "missing", "not run yet"),
)
TABLE = BenchmarkTable(
    name="made up",
    synthetic=True,
    rows=ROWS,
    contrasts={("vit", "slice"): (GAIN, LEVEL, OTHER)},
    categories={"hemorrhage": 7, "infarction": 5},
    studies=200,
    patients=180,
    findings=40,
    endpoint=12,
    blank_policy="blank_means",
    family=(2, 1),
    draws=2000,
    budget={"slice": "up to 100 epochs"},
    notes=("Seeds are few.",),
    failed=(("vit-slice-molre_shuffled-1", "its process was killed | twice"),),
    missing=("vit-slice-frozen-2",),
)
