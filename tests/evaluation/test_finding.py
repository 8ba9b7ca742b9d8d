from __future__ import annotations

import numpy as np
import pytest
from runs import write_run

from molre.evaluation.bootstrap import bootstrap_aucs
from molre.evaluation.endpoint import supports
from molre.evaluation.finding import (
    BOOTSTRAP,
    DELONG,
    SEPARATION,
    auc_interval,
    finding_result,
)
from molre.evaluation.intervals import clopper_pearson
from molre.evaluation.run_files import read_run

LABELS = np.array([1.0] * 12 + [0.0] * 28)
STRANGERS = tuple(f"p{i:02d}" for i in range(40))
PAIRS = tuple(f"p{i // 2:02d}" for i in range(40))


def scores(seeds: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(seeds, 40)) + LABELS


def draws(values: np.ndarray, patients: tuple[str, ...]) -> np.ndarray:
    return bootstrap_aucs(values[:, :, None], LABELS[:, None], patients, draws=300)[..., 0].mean(0)


def test_one_study_a_patient_gets_delong():
    estimate = auc_interval(scores(), LABELS, STRANGERS, draws(scores(), STRANGERS))
    assert estimate.method == DELONG
    assert estimate.n == 40
    assert estimate.low < estimate.value < estimate.high


def test_several_studies_a_patient_get_the_bootstrap():
    drawn = draws(scores(), PAIRS)
    estimate = auc_interval(scores(), LABELS, PAIRS, drawn)
    assert estimate.method == BOOTSTRAP
    assert (estimate.low, estimate.high) == pytest.approx(np.nanquantile(drawn, [0.025, 0.975]))


def test_separation_counts_patients_not_studies():
    single = auc_interval(LABELS[None], LABELS, STRANGERS, np.ones(10))
    paired = auc_interval(LABELS[None], LABELS, PAIRS, np.ones(10))
    assert single.method == paired.method == SEPARATION
    assert single.low == pytest.approx(0.05 ** (1 / 12))
    assert paired.low == pytest.approx(0.05 ** (1 / 6))
    assert single.high == paired.high == 1.0


def test_the_mean_of_seeds_is_surer_than_one_seed():
    values = scores(seeds=6)
    mean = auc_interval(values, LABELS, STRANGERS, draws(values, STRANGERS))
    one = auc_interval(values[:1], LABELS, STRANGERS, draws(values[:1], STRANGERS))
    assert mean.high - mean.low < one.high - one.low


def test_too_few_positives_leave_counts_and_an_exact_interval(tmp_path):
    run = read_run(write_run(tmp_path / "run"))
    support = supports(run.labels, run.findings)[3]
    result = finding_result(run, 3, support, np.full(5, 0.5))
    assert support.status == "too few"
    assert result.auc is None
    assert result.calibration is None
    hits = int((run.probabilities[run.labels[:, 3] == 1, 3] >= 0.5).sum())
    assert result.sensitivity.n == support.positives
    assert (result.sensitivity.low, result.sensitivity.high) == clopper_pearson(
        hits, support.positives
    )
