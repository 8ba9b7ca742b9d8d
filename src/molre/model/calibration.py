"""From logits to probabilities: one shared slope, one shrunken intercept per finding.

Focal loss and class weights distort probabilities. With few positives per finding a free slope
and intercept for each would follow noise, so the slope is shared and the intercepts are pulled
towards their mean (a Gaussian prior of standard deviation 1 on the logit scale).

The mean has no prior: a calibrate split whose labels are all of one class would drive it, and with
it every probability, to 0 or 1. Without a label of each class over all findings nothing is fitted,
and no probability is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molre.thresholds import midpoint

FLOOR = 5  # patients of each class in the calibrate split below which nothing is claimed
PRIOR_SD = 1.0


@dataclass(frozen=True)
class Calibration:
    """Calibrators of K findings: ``p = sigmoid(slope * logit + intercept_k)``.

    Attributes:
        slope: shared, positive.
        intercepts: float64 (K,).
        calibrated: bool (K,), false where the calibrate split has too few patients to claim it.
        thresholds: float64 (K,) on the probability scale, nan where not calibrated.
        positives: int (K,), studies in the calibrate split.
        negatives: int (K,).
    """

    slope: float
    intercepts: np.ndarray
    calibrated: np.ndarray
    thresholds: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    @property
    def estimable(self) -> bool:
        """Whether the calibrate split had labels of both classes, over all findings."""
        return estimable(self.positives, self.negatives)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities float64 (..., K) of logits (..., K)."""
        from scipy.special import expit

        return expit(self.slope * logits + self.intercepts)


def fit_calibration(
    logits: np.ndarray, targets: np.ndarray, patients: Sequence[str] | None = None
) -> Calibration:
    """Fit calibrators and Youden thresholds on the calibrate split.

    Args:
        logits: (N, K).
        targets: (N, K) of 1, 0 and nan.
        patients: (N,) whose; each study is of another by default.

    Returns:
        Calibration; where it cannot be estimated slope 1, intercepts 0 and nothing calibrated.
        Thresholds hold for probabilities as float32, as they are kept.
    """
    known = ~np.isnan(targets)
    y = np.nan_to_num(targets)
    positives = (y * known).sum(0).astype(int)
    negatives = (known.sum(0) - positives).astype(int)
    owners = np.arange(len(y)) if patients is None else np.asarray(patients)
    calibrated = _people(targets == 1, owners) & _people(targets == 0, owners)
    slope, intercepts = 1.0, np.zeros(logits.shape[1])
    if estimable(positives, negatives):
        slope, intercepts = _fit(logits.astype(float), y, known)
    fitted = Calibration(slope, intercepts, calibrated, np.empty(0), positives, negatives)
    p = fitted.probabilities(logits.astype(float)).astype(np.float32).astype(float)
    thresholds = np.array(
        [
            youden(y[known[:, k], k], p[known[:, k], k]) if calibrated[k] else np.nan
            for k in range(logits.shape[1])
        ]
    )
    return Calibration(slope, intercepts, calibrated, thresholds, positives, negatives)


def _people(have: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """Whether enough patients have it, of (N, K): scans of one are not new evidence."""
    return np.array([len(np.unique(owners[column])) >= FLOOR for column in have.T], dtype=bool)


def estimable(positives: np.ndarray, negatives: np.ndarray) -> bool:
    """Whether there are labels of both classes over all findings (K,)."""
    return bool(np.any(positives) and np.any(negatives))


def youden(y: np.ndarray, p: np.ndarray) -> float:
    """The threshold with the largest sensitivity + specificity - 1; midway between its neighbors.

    Args:
        y: 1 and 0, (N,), both present.
        p: scores (N,).
    """
    order = np.argsort(-p, kind="stable")
    ranked, hits = p[order], y[order]
    sensitivity = np.cumsum(hits) / hits.sum()
    false_alarms = np.cumsum(1 - hits) / (1 - hits).sum()
    last_of_tie = np.append(ranked[:-1] != ranked[1:], True)
    gain = np.where(last_of_tie, sensitivity - false_alarms, -np.inf)
    best = int(np.argmax(gain))
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return midpoint(float(below), float(ranked[best]))


def _fit(logits: np.ndarray, y: np.ndarray, known: np.ndarray) -> tuple[float, np.ndarray]:
    from scipy.optimize import minimize
    from scipy.special import expit

    findings = logits.shape[1]

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        log_slope, mean, offsets = parameters[0], parameters[1], parameters[2:]
        slope = np.exp(log_slope)
        margin = slope * logits + mean + offsets
        loss = ((np.logaddexp(0, margin) - y * margin) * known).sum()
        error = (expit(margin) - y) * known
        gradient = np.concatenate(
            [
                [(error * logits).sum() * slope + log_slope],
                [error.sum()],
                error.sum(0) + offsets / PRIOR_SD**2,
            ]
        )
        penalty = 0.5 * (offsets**2).sum() / PRIOR_SD**2 + 0.5 * log_slope**2
        return loss + penalty, gradient

    found = minimize(objective, np.zeros(findings + 2), jac=True, method="L-BFGS-B")
    return float(np.exp(found.x[0])), found.x[1] + found.x[2:]
