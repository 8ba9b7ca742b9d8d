"""Measures of a two by two table: what one reading calls present against what another does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.proportion import share

MEASURES = (
    "accuracy",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "f1",
    "negative_f1",
)


def measures(
    called: np.ndarray, truth: np.ndarray, patients: Sequence[str] | np.ndarray
) -> dict[str, Estimate | None]:
    """Each of :data:`MEASURES` with an exact interval, patients as clusters; None without a case.

    F1 is 2J / (1 + J) of the share J of true positives among all that either calls positive, so
    its interval is that of J, carried over (Hand, Christen and Kirielle, Machine Learning 110,
    2021). ``negative_f1`` is the same of the negatives: with F1 the specific agreements of two
    raters (Cicchetti and Feinstein, J. Clin. Epidemiol. 43, 1990).

    Args:
        called: bool (N,), the reading that is judged.
        truth: bool (N,).
        patients: (N,) whose.
    """
    called, truth = np.asarray(called, dtype=bool), np.asarray(truth, dtype=bool)
    owner = np.asarray(patients)

    def among(right: np.ndarray, where: np.ndarray) -> Estimate | None:
        return share(right[where], owner[where])

    return {
        "accuracy": among(called == truth, np.ones_like(called)),
        "sensitivity": among(called, truth),
        "specificity": among(~called, ~truth),
        "ppv": among(truth, called),
        "npv": among(~truth, ~called),
        "f1": _overlap(among(called & truth, called | truth)),
        "negative_f1": _overlap(among(~called & ~truth, ~called | ~truth)),
    }


def _overlap(jaccard: Estimate | None) -> Estimate | None:
    if jaccard is None:
        return None
    value, low, high = (2 * x / (1 + x) for x in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value, low, high, jaccard.method, jaccard.n)


def of_counts(
    tp: np.ndarray, fp: np.ndarray, fn: np.ndarray, tn: np.ndarray
) -> dict[str, np.ndarray]:
    """The same measures and kappa of counts or weights, without intervals; nan without a case.

    Args:
        tp, fp, fn, tn: (...) of the called and true, called and not true, and so on.
    """
    from molre.evaluation.statistics.kappa import kappa

    tp, fp, fn, tn = (np.asarray(x, dtype=np.float64) for x in (tp, fp, fn, tn))
    table = np.stack([np.stack([tp, fp], -1), np.stack([fn, tn], -1)], -2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "sensitivity": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "ppv": tp / (tp + fp),
            "npv": tn / (tn + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "negative_f1": 2 * tn / (2 * tn + fp + fn),
            "kappa": np.asarray(kappa(table)),
        }
