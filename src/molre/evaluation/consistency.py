"""The same study in two reconstructions: how far the probabilities drift; no label is needed.

Differences and limits of agreement as in Bland and Altman, Lancet 327 (1986); intervals by a
bootstrap of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from molre.arrays import FloatArray
from molre.cohort.rejects import Rejected
from molre.evaluation.statistics.bootstrap import DRAWS, patient_weights, percentile_interval

LIMITS = 1.96  # standard deviations that hold 95 % of normal differences
FEWEST = 10  # patients below which nothing but the counts is given
MEAN = "all findings"


@dataclass(frozen=True)
class Pairs:
    """Probabilities of N pairs of series, each pair of one study.

    Attributes:
        findings: K ids.
        patients: (N,) patient of each pair.
        studies: (N,) study of each pair.
        first: (N, K) of the series that was chosen for the study.
        second: (N, K) of the other series.
        contrast: (N,) in what the two differ, e.g. ``kernel``.
        thresholds: (K,) on the probability scale; nan where a finding has none.
    """

    findings: tuple[str, ...]
    patients: tuple[str, ...]
    studies: tuple[str, ...]
    first: FloatArray
    second: FloatArray
    contrast: tuple[str, ...]
    thresholds: FloatArray

    def only(self, contrast: str) -> Pairs:
        """The pairs that differ in that."""
        rows = [i for i, one in enumerate(self.contrast) if one == contrast]
        pick = np.array(rows, dtype=int)
        return Pairs(
            self.findings,
            tuple(self.patients[i] for i in rows),
            tuple(self.studies[i] for i in rows),
            self.first[pick],
            self.second[pick],
            tuple(self.contrast[i] for i in rows),
            self.thresholds,
        )


@dataclass(frozen=True)
class Consistency:
    """What a model makes of two reconstructions of one study.

    Attributes:
        pairs: compared.
        table: see :func:`consistency_table`.
        withheld: pairs left out because one of the two would be withheld.
        failed: series that could not be read.
        synthetic: phantoms.
        name: of the model's arm and backbone.
        unwithheld: pairs with a series that would be withheld, compared all the same.
    """

    pairs: Pairs
    table: pl.DataFrame
    withheld: int
    failed: tuple[Rejected, ...]
    synthetic: bool
    name: str
    unwithheld: int = 0


def consistency_table(pairs: Pairs, *, draws: int = DRAWS, seed: int = 0) -> pl.DataFrame:
    """One row a contrast and finding, and one of all findings together.

    Columns: ``contrast``, ``finding``, ``pairs``, ``patients``; ``drift`` (mean absolute
    difference of the probability, 0 to 1) with its interval; ``bias`` (mean of other minus chosen)
    and the limits of agreement; ``threshold``, ``flips`` (pairs on two sides of it) and their share
    with its interval. Below ten pairs the counts alone.

    Args:
        pairs: all of them.
        draws: of the patient bootstrap.
        seed: of the bootstrap.
    """
    rows = []
    for contrast in dict.fromkeys(pairs.contrast):
        rows += _rows(contrast, pairs.only(contrast), draws, seed)
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return table.with_columns(pl.selectors.float().fill_nan(None))


SCHEMA = {
    "contrast": pl.String,
    "finding": pl.String,
    "pairs": pl.Int64,
    "patients": pl.Int64,
    "drift": pl.Float64,
    "drift_low": pl.Float64,
    "drift_high": pl.Float64,
    "bias": pl.Float64,
    "agree_low": pl.Float64,
    "agree_high": pl.Float64,
    "threshold": pl.Float64,
    "flips": pl.Int64,
    "flip_share": pl.Float64,
    "flip_low": pl.Float64,
    "flip_high": pl.Float64,
}


def _rows(contrast: str, pairs: Pairs, draws: int, seed: int) -> list[tuple[object, ...]]:
    names, owner = np.unique(np.asarray(pairs.patients), return_inverse=True)
    counts = len(pairs.patients), len(names)
    weights = patient_weights(len(names), draws, seed)[:, owner].astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    change = pairs.second - pairs.first
    crossed = (pairs.first >= pairs.thresholds) != (pairs.second >= pairs.thresholds)
    flips = np.where(np.isnan(pairs.thresholds), np.nan, crossed.astype(np.float64))
    rows = []
    for k, finding in enumerate(pairs.findings):
        limit = float(pairs.thresholds[k])
        own = _numbers(change[:, [k]], flips[:, [k]], weights, limit, len(names))
        rows.append((contrast, finding, *counts, *own))
    known = ~np.isnan(pairs.thresholds)
    every = _numbers(change, flips[:, known], weights, float("nan"), len(names))
    rows.append((contrast, MEAN, *counts, *every))
    return rows


def _numbers(
    change: FloatArray, flips: FloatArray, weights: FloatArray, threshold: float, people: int
) -> tuple[object, ...]:
    """Drift, limits and flips of some findings; means over findings within each pair first."""
    nothing = float("nan")
    flipped = flips.size > 0 and not np.isnan(flips).any()
    total = int(flips.sum()) if flipped else None
    if people < FEWEST:
        return (*[nothing] * 6, threshold, total, *[nothing] * 3)
    size = np.abs(change).mean(axis=1)
    low, high = percentile_interval(weights @ size)
    bias = float(change.mean())
    half = LIMITS * float(change.std(ddof=1))
    drift = (float(size.mean()), low, high, bias, bias - half, bias + half)
    if not flipped:
        return (*drift, threshold, None, nothing, nothing, nothing)
    share = flips.mean(axis=1)
    return (*drift, threshold, total, float(share.mean()), *percentile_interval(weights @ share))


def contrast_of(first: dict[str, object], second: dict[str, object]) -> str:
    """In what two series of one study differ: kernel, thickness, both or neither.

    Args:
        first, second: rows of scans.parquet.
    """
    differ = [
        word
        for word, column in (("kernel", "kernel"), ("thickness", "slice_thickness"))
        if first.get(column) != second.get(column)
    ]
    return " and ".join(differ) or "neither kernel nor thickness"


def worst(pairs: Pairs, most: int = 10) -> Sequence[tuple[str, str, str, float, float]]:
    """The largest drifts: study, finding, contrast, probability of the chosen and of the other."""
    change = np.abs(pairs.second - pairs.first)
    order = np.argsort(-change, axis=None, kind="stable")[:most]
    places = (np.unravel_index(int(i), change.shape) for i in order)
    return [
        (
            pairs.studies[i],
            pairs.findings[k],
            pairs.contrast[i],
            float(pairs.first[i, k]),
            float(pairs.second[i, k]),
        )
        for i, k in places
    ]
