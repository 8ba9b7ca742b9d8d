"""The numbers of one finding in one run, each with the studies behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.calibration import Calibration, calibration
from molre.evaluation.endpoint import SCORED, Support
from molre.evaluation.operating_points import tested
from molre.evaluation.statistics.delong import delong
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.score_interval import score_interval
from molre.runs.run import Run, Threshold

SCORE = "score interval"
CLUSTERED = "score interval, patients as clusters"
BOOTSTRAP = "patient bootstrap"


@dataclass(frozen=True)
class FindingResult:
    """One finding on the test studies.

    Attributes:
        support: counts and status.
        auc: None unless the status is ``scored``.
        calibration: None unless the status is ``scored``.
        threshold: from the calibrate split, or None.
        sensitivity, specificity: at that threshold, n the positives or negatives; None without a
            threshold, or with none to count.
    """

    support: Support
    auc: Estimate | None
    calibration: Calibration | None
    threshold: Threshold | None
    sensitivity: Estimate | None
    specificity: Estimate | None

    @property
    def finding(self) -> str:
        """Id of the finding."""
        return self.support.finding


def finding_result(run: Run, k: int, support: Support) -> FindingResult:
    """All numbers of finding ``k``.

    Args:
        run: the run.
        k: position of the finding.
        support: its counts.
    """
    labels = run.labels[:, k]
    threshold = run.thresholds.get(support.finding)
    scored = support.status == SCORED
    sensitivity, specificity = tested(
        run.probabilities[:, k],
        labels,
        run.patients,
        threshold.value if threshold else math.nan,
    )
    return FindingResult(
        support=support,
        auc=_auc(run, k) if scored else None,
        calibration=calibration(run.probabilities[:, k], labels, run.patients) if scored else None,
        threshold=threshold,
        sensitivity=sensitivity,
        specificity=specificity,
    )


def one_study_a_patient(patients: tuple[str, ...]) -> bool:
    """Whether studies are independent, so that DeLong holds."""
    return len(set(patients)) == len(patients)


def auc_interval(scores: FloatArray, labels: FloatArray, patients: tuple[str, ...]) -> Estimate:
    """Mean AUC of one or more seeds of a model on one finding, with its interval.

    The variance is DeLong's with the seeds' covariance, or Obuchowski's where a patient has several
    studies; patients are then what is counted, however many studies they have. The interval is
    :func:`molre.evaluation.statistics.score_interval.score_interval`.

    Args:
        scores: (M, N) logits of M seeds.
        labels: (N,) 1, 0 or nan, both classes there.
        patients: (N,).
    """
    result = delong(scores, labels, patients)
    value, variance = result.contrast(np.full(len(scores), 1 / len(scores)))
    n = result.positives + result.negatives
    of_one = float(np.diag(result.covariance).mean())
    left = variance / of_one if of_one > 0 else 1.0
    if one_study_a_patient(patients):
        counts, method = (result.positives, result.negatives), SCORE
    else:
        owners = np.asarray(patients)
        counts = len(set(owners[labels == 1])), len(set(owners[labels == 0]))
        method = CLUSTERED
    low, high = score_interval(value, of_one, *counts, averaged=left)
    return Estimate(value, low, high, method, n)


def _auc(run: Run, k: int) -> Estimate:
    return auc_interval(run.logits[None, :, k], run.labels[:, k], run.patients)
