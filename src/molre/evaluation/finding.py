"""The numbers of one finding in one run, each with the studies behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from molre.evaluation.auc import FloatArray
from molre.evaluation.bootstrap import percentile_interval
from molre.evaluation.calibration import Calibration, calibration
from molre.evaluation.delong import NO_VARIANCE, delong, separation_interval
from molre.evaluation.endpoint import SCORED, Support
from molre.evaluation.intervals import clopper_pearson
from molre.evaluation.run_files import Run, Threshold

DELONG = "DeLong, logit scale"
SEPARATION = "disjoint pairs, one-sided"
BOOTSTRAP = "patient bootstrap"


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, how that was made, and its n (nan, nan: no interval)."""

    value: float
    low: float
    high: float
    method: str
    n: int


@dataclass(frozen=True)
class FindingResult:
    """One finding on the test studies.

    Attributes:
        support: counts and status.
        auc: None unless the status is ``scored``.
        calibration: None unless the status is ``scored``.
        threshold: from the calibrate split, or None.
        sensitivity, specificity: at that threshold, Clopper-Pearson, n the positives or negatives;
            None without a threshold, or with none to count.
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


def finding_result(run: Run, k: int, support: Support, draws: FloatArray) -> FindingResult:
    """All numbers of finding ``k``.

    Args:
        run: the run.
        k: position of the finding.
        support: its counts.
        draws: (B,) bootstrap AUCs, used where a patient has several studies.
    """
    labels = run.labels[:, k]
    threshold = run.thresholds.get(support.finding)
    scored = support.status == SCORED
    sensitivity, specificity = _operating_point(run.probabilities[:, k], labels, threshold)
    return FindingResult(
        support=support,
        auc=_auc(run, k, draws) if scored else None,
        calibration=calibration(run.probabilities[:, k], labels) if scored else None,
        threshold=threshold,
        sensitivity=sensitivity,
        specificity=specificity,
    )


def one_study_a_patient(patients: tuple[str, ...]) -> bool:
    """Whether studies are independent, so that DeLong holds."""
    return len(set(patients)) == len(patients)


def auc_interval(
    scores: FloatArray, labels: FloatArray, patients: tuple[str, ...], draws: FloatArray
) -> Estimate:
    """Mean AUC of one or more seeds of a model on one finding, with its interval.

    One study a patient: DeLong on the logit scale, seeds' covariance included. Several: percentile
    interval of the patient bootstrap. No variation in the sample: :func:`separation_interval`.

    Args:
        scores: (M, N) logits of M seeds.
        labels: (N,) 1, 0 or nan, both classes there.
        patients: (N,).
        draws: (B,) bootstrapped mean AUCs over the seeds.
    """
    result = delong(scores, labels)
    weights = np.full(len(scores), 1 / len(scores))
    value, variance = result.contrast(weights)
    n = result.positives + result.negatives
    if variance <= NO_VARIANCE:
        low, high = separation_interval(value, _disjoint_pairs(labels, patients))
        return Estimate(value, low, high, SEPARATION, n)
    if one_study_a_patient(patients):
        low, high = result.interval(weights)
        return Estimate(value, low, high, DELONG, n)
    low, high = percentile_interval(draws)
    return Estimate(value, low, high, BOOTSTRAP, n)


def _auc(run: Run, k: int, draws: FloatArray) -> Estimate:
    return auc_interval(run.logits[None, :, k], run.labels[:, k], run.patients, draws)


def _disjoint_pairs(labels: FloatArray, patients: tuple[str, ...]) -> int:
    """Pairs of a patient with the finding and one without; nobody is in two pairs."""
    owners = np.asarray(patients)
    ever = set(owners[labels == 1])
    never = set(owners[labels == 0]) - ever
    return min(len(ever), len(never))


def _operating_point(
    probabilities: FloatArray, labels: FloatArray, threshold: Threshold | None
) -> tuple[Estimate | None, Estimate | None]:
    if threshold is None or math.isnan(threshold.value):
        return None, None
    called = probabilities >= threshold.value
    sensitivity = _share(called[labels == 1])
    specificity = _share(~called[labels == 0])
    return sensitivity, specificity


def _share(right: np.ndarray) -> Estimate | None:
    if not len(right):
        return None
    hits = int(right.sum())
    low, high = clopper_pearson(hits, len(right))
    return Estimate(hits / len(right), low, high, "Clopper-Pearson", len(right))
