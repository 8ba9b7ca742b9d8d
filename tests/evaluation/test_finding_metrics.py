from __future__ import annotations

import numpy as np

from molre.evaluation.endpoint import supports
from molre.evaluation.finding_metrics import CLUSTERED, SCORE, auc_interval, finding_result
from molre.evaluation.statistics.delong import delong
from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.score_interval import score_interval
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import write_run

LABELS = np.array([1.0] * 12 + [0.0] * 28)
STRANGERS = tuple(f"p{i:02d}" for i in range(40))
PAIRS = tuple(f"p{i // 2:02d}" for i in range(40))


def scores(seeds: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(seeds, 40)) + LABELS


def test_one_study_a_patient_gets_delongs_variance():
    estimate = auc_interval(scores(), LABELS, STRANGERS)
    variance = float(delong(scores(), LABELS).covariance[0, 0])
    assert estimate.method == SCORE
    assert estimate.n == 40
    assert (estimate.low, estimate.high) == score_interval(estimate.value, variance, 12, 28)


def test_several_studies_a_patient_are_clusters_and_patients_are_counted():
    estimate = auc_interval(scores(), LABELS, PAIRS)
    variance = float(delong(scores(), LABELS, PAIRS).covariance[0, 0])
    assert estimate.method == CLUSTERED
    assert (estimate.low, estimate.high) == score_interval(estimate.value, variance, 6, 14)


def test_separation_counts_patients_not_studies():
    single = auc_interval(LABELS[None], LABELS, STRANGERS)
    paired = auc_interval(LABELS[None], LABELS, PAIRS)
    assert paired.low < single.low < 1
    assert single.high == paired.high == 1.0


def test_the_mean_of_seeds_is_surer_than_one_seed():
    values = scores(seeds=6)
    mean = auc_interval(values, LABELS, STRANGERS)
    one = auc_interval(values[:1], LABELS, STRANGERS)
    assert mean.high - mean.low < one.high - one.low


def test_too_few_positives_leave_counts_and_an_exact_interval(tmp_path):
    run = read_run(write_run(tmp_path / "run"))
    support = supports(run.labels, run.findings, run.patients)[3]
    result = finding_result(run, 3, support)
    assert support.status == "too few"
    assert result.auc is None
    assert result.calibration is None
    hits = int((run.probabilities[run.labels[:, 3] == 1, 3] >= 0.5).sum())
    assert result.sensitivity.n == support.positives
    assert (result.sensitivity.low, result.sensitivity.high) == clopper_pearson(
        hits, support.positives
    )
