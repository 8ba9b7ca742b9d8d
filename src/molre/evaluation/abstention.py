"""Risk and coverage: does the model err less on scans that it is surer of or more familiar with?

Studies (or single answers) are kept in the order of a measure, the most trusted first. If the
measure is worth anything, the share of wrong calls among those kept falls as fewer are kept. AURC
is the mean of that share over all numbers that may be kept; a useless measure has the overall share
(Geifman, Uziel and El-Yaniv, ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import logit

from molre.arrays import FloatArray
from molre.evaluation.endpoint import SCORED, supports, weighed
from molre.evaluation.statistics.auc import auc
from molre.evaluation.statistics.bootstrap import patient_weights, percentile_interval
from molre.progress import track
from molre.runs.run import Run

SHARES = tuple(round(1 - 0.05 * i, 2) for i in range(20))  # kept: 1.00 to 0.05
DRAWS = 500
FEWEST = 0.5  # share kept at which a finding must still be scored to be in the AUC curve
FAMILIARITY = "distance from the training scans"
MARGIN = "distance of the probability from the threshold"
_FLOOR = 1e-6
_SLOW = 10**5  # answers that take over two seconds


@dataclass(frozen=True)
class Trust:
    """Calls in the order in which they are kept.

    Attributes:
        wrong: (C,) wrong calls in each step; a step is a study or a single answer.
        made: (C,) calls in it.
        owner: (C,) position of its patient.
    """

    wrong: FloatArray
    made: FloatArray
    owner: np.ndarray


def abstention(run: Run, members: Sequence[int], seed: int = 0) -> pl.DataFrame:
    """One row a measure and share kept.

    Args:
        run: the run.
        members: positions of the endpoint's findings; calls are made for those with a threshold.
        seed: of the patient bootstrap.

    Returns:
        measure, share_kept, kept (studies, or answers), calls, wrong (share of calls), auc (macro
        over auc_findings findings, the same all along the curve, down to half of the studies;
        only for whole studies), and of
        the measure aurc, aurc_random, aurc_best and the gain over random with its interval.
    """
    called = [k for k in members if run.findings[k] in run.thresholds]
    tables = []
    if run.familiarity is not None and called:
        tables.append(_by_familiarity(run, members, called, run.familiarity, seed))
    if called:
        tables.append(_by_margin(run, called, seed))
    return pl.concat(tables) if tables else pl.DataFrame()


def aurc(trust: Trust, weights: FloatArray | None = None) -> float:
    """Mean over the numbers that may be kept of the share of wrong calls among those kept.

    Args:
        trust: calls in order.
        weights: (C,) how often each step counts; once by default.
    """
    weights = np.ones(len(trust.made)) if weights is None else weights
    made, wrong = np.cumsum(weights * trust.made), np.cumsum(weights * trust.wrong)
    counts = (weights > 0) & (made > 0)
    share = weights[counts] * wrong[counts] / made[counts]
    return float(share.sum() / weights[counts].sum())


def _by_familiarity(
    run: Run, members: Sequence[int], called: Sequence[int], distance: FloatArray, seed: int
) -> pl.DataFrame:
    wrong, made = _calls(run, called)
    order = np.argsort(distance, kind="stable")
    trust = Trust(wrong.sum(axis=1)[order], made.sum(axis=1)[order], _owners(run)[order])
    table = _curve(trust, FAMILIARITY, seed)
    kept = [order[:count] for count in table["kept"]]
    half = kept[SHARES.index(FEWEST)]
    counts = supports(run.labels[half], run.findings, np.asarray(run.patients)[half])
    lasting = [k for k in members if counts[k].status == SCORED]
    # Below that the studies are too few for a curve that means anything.
    aucs = [
        _macro(run, lasting, rows) if one >= FEWEST else None
        for one, rows in zip(SHARES, kept, strict=True)
    ]
    return table.with_columns(
        auc=pl.Series(aucs, dtype=pl.Float64), auc_findings=pl.lit(len(lasting), pl.Int64)
    )


def _by_margin(run: Run, called: Sequence[int], seed: int) -> pl.DataFrame:
    wrong, made = _calls(run, called)
    cuts = np.array([run.thresholds[run.findings[k]].value for k in called])
    sure = np.abs(_logit(run.probabilities[:, called]) - _logit(cuts))
    studies, findings = np.nonzero(made)
    order = np.argsort(-sure[studies, findings], kind="stable")
    studies, findings = studies[order], findings[order]
    trust = Trust(wrong[studies, findings], np.ones(len(studies)), _owners(run)[studies])
    nothing = pl.lit(None, pl.Float64), pl.lit(None, pl.Int64)
    return _curve(trust, MARGIN, seed).with_columns(auc=nothing[0], auc_findings=nothing[1])


def _calls(run: Run, called: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    """(N, C) wrong calls and calls made, where the label is known."""
    cuts = np.array([run.thresholds[run.findings[k]].value for k in called])
    labels = run.labels[:, called]
    known = ~np.isnan(labels)
    wrong = known & ((run.probabilities[:, called] >= cuts) != (labels == 1))
    return wrong.astype(np.float64), known.astype(np.float64)


def _curve(trust: Trust, measure: str, seed: int) -> pl.DataFrame:
    total = len(trust.made)
    kept = [max(1, round(share * total)) for share in SHARES]
    wrong, made = np.cumsum(trust.wrong), np.cumsum(trust.made)
    at = np.array(kept) - 1
    overall = float(wrong[-1] / made[-1]) if made[-1] else float("nan")
    low, high = percentile_interval(_gains(trust, seed))
    best = np.argsort(trust.wrong / np.maximum(trust.made, 1), kind="stable")
    own = aurc(trust)
    return pl.DataFrame(
        {
            "measure": [measure] * len(SHARES),
            "share_kept": SHARES,
            "kept": kept,
            "calls": made[at].astype(np.int64),
            "wrong": np.divide(
                wrong[at], made[at], out=np.full(len(at), np.nan), where=made[at] > 0
            ),
            "aurc": own,
            "aurc_random": overall,
            "aurc_best": aurc(Trust(trust.wrong[best], trust.made[best], trust.owner[best])),
            "gain": overall - own,
            "gain_low": low,
            "gain_high": high,
        }
    ).with_columns(pl.selectors.float().fill_nan(None))


def _gains(trust: Trust, seed: int) -> FloatArray:
    """Bootstrapped gain of the measure over a useless one, patients drawn."""
    patients = int(trust.owner.max()) + 1
    gains = np.full(DRAWS, np.nan)
    resamples = patient_weights(patients, DRAWS, seed)
    slow = len(trust.made) > _SLOW
    for b, drawn in enumerate(track(resamples, "risk and coverage", DRAWS) if slow else resamples):
        weights = drawn[trust.owner].astype(np.float64)
        made = float(weights @ trust.made)
        if made:
            gains[b] = float(weights @ trust.wrong) / made - aurc(trust, weights)
    return gains


def _owners(run: Run) -> np.ndarray:
    return np.unique(np.asarray(run.patients), return_inverse=True)[1]


def _macro(run: Run, members: Sequence[int], rows: np.ndarray) -> float | None:
    """Macro AUC of the studies kept; None once a finding has one class only."""
    if not members:
        return None
    values = np.array([auc(run.logits[rows, k], run.labels[rows, k]) for k in members])
    value = float(values @ weighed(members, run.labels).weights)
    return None if np.isnan(value) else value


def _logit(probabilities: FloatArray) -> FloatArray:
    return np.asarray(logit(np.clip(probabilities, _FLOOR, 1 - _FLOOR)))
