from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from molre.evaluation.calibration import (
    calibration,
    ece_by_chance,
    reliability,
    slope_by_chance,
    slope_intercept,
)


def sample(seed: int, n: int = 4000, slope: float = 1.0, intercept: float = 0.0):
    """Probabilities whose true logit is ``intercept + slope * logit``."""
    rng = np.random.default_rng(seed)
    said = rng.normal(-0.5, 1.5, size=n)
    truth = expit(intercept + slope * said)
    return expit(said), (rng.random(n) < truth).astype(float)


def strangers(n: int) -> list[str]:
    return [f"p{i}" for i in range(n)]


def test_true_probabilities_are_calibrated():
    result = calibration(*sample(0), strangers(4000))
    assert result.slope == pytest.approx(1, abs=0.1)
    assert result.intercept == pytest.approx(0, abs=0.1)
    assert result.ece < 0.03
    assert result.skill > 0.2


def test_overconfidence_shows_in_the_slope():
    result = calibration(*sample(1, slope=0.5, intercept=0.7), strangers(4000))
    assert result.slope == pytest.approx(0.5, abs=0.1)
    assert result.intercept == pytest.approx(0.7, abs=0.1)
    assert result.ece > 0.08


@given(st.integers(0, 100), st.sampled_from([0.3, 1.0, 2.5]))
def test_slope_and_intercept_equal_logistic_regression(seed, slope):
    import statsmodels.api as sm

    said, truth = sample(seed, n=150, slope=slope)
    fitted = sm.Logit(truth, sm.add_constant(logit(said))).fit(disp=0).params
    assert slope_intercept(said, truth) == pytest.approx((fitted[1], fitted[0]), abs=1e-5)


def test_separation_has_no_slope():
    assert np.isnan(slope_intercept(np.array([0.1, 0.2, 0.8]), np.array([0.0, 0.0, 1.0]))).all()


def test_saying_the_prevalence_has_no_skill():
    labels = np.array(([1.0] * 3 + [0.0] * 7) * 30)
    result = calibration(np.full(300, 0.3), labels, strangers(300))
    assert result.skill == pytest.approx(0)
    assert result.brier == pytest.approx(0.21)
    assert result.ece == pytest.approx(0)
    assert math.isnan(result.slope)
    assert math.isnan(result.slope_low)


def test_unknown_labels_are_left_out():
    said = np.array([0.2, 0.9, 0.5])
    assert calibration(said, np.array([0.0, 1.0, np.nan]), strangers(3)).n == 2
    assert calibration(said, np.full(3, np.nan), strangers(3)).n == 0


@pytest.mark.parametrize(
    ("studies", "each", "given_"),
    [(199, 1, False), (200, 1, True), (600, 4, False), (800, 4, True)],
)
def test_ece_and_slope_need_two_hundred_patients(studies, each, given_):
    result = calibration(*sample(3, n=studies), [f"p{i // each}" for i in range(studies)])
    for value in (result.ece, result.slope, result.intercept, result.ece_chance, result.slope_low):
        assert math.isnan(value) != given_
    assert not math.isnan(result.brier)


@pytest.mark.parametrize("n", [200, 1000])
def test_a_calibrated_model_stays_within_what_chance_shows(n):
    """Chance, as printed, against 400 samples of a model whose probabilities are right."""
    said, _ = sample(4, n=n)
    limit, bounds = ece_by_chance(said), slope_by_chance(said)
    rng = np.random.default_rng(5)
    eces, slopes = [], []
    for _ in range(400):
        truth = (rng.random(n) < said).astype(float)
        bins = reliability(said, truth)
        eces.append(sum(b.n * abs(b.predicted - b.observed) for b in bins) / n)
        slopes.append(slope_intercept(said, truth)[0])
    assert np.mean(np.array(eces) > limit) == pytest.approx(0.05, abs=0.04)
    inside = (bounds[0] <= np.array(slopes)) & (np.array(slopes) <= bounds[1])
    assert inside.mean() == pytest.approx(0.95, abs=0.03)


def alike(rng: np.random.Generator, people: int, scans: int) -> tuple[np.ndarray, np.ndarray]:
    """Right probabilities and their outcomes, the same for all scans of a patient."""
    said = expit(rng.normal(-1, 1.5, people))
    return np.repeat(said, scans), np.repeat(rng.random(people) < said, scans).astype(float)


def test_chance_knows_that_scans_of_a_patient_err_together():
    """Four alike scans a patient: a calibrated model is beyond chance in some 5 of 100 samples."""
    rng = np.random.default_rng(0)
    results = [
        calibration(*alike(rng, 200, 4), [f"p{i // 4}" for i in range(800)]) for _ in range(60)
    ]
    assert np.mean([one.ece > one.ece_chance for one in results]) < 0.25  # .86 as of independent
    outside = [not one.slope_low <= one.slope <= one.slope_high for one in results]
    assert np.mean(outside) < 0.25  # .35 likewise


def test_bins_count_patients_who_have_several_scans():
    said, truth = alike(np.random.default_rng(1), 100, 4)
    owners = np.repeat(np.arange(100), 4)
    for own, each in zip(
        reliability(said, truth, patients=owners), reliability(said, truth), strict=True
    ):
        assert own.observed == each.observed
        assert own.high - own.low > each.high - each.low


def test_ties_stay_together_however_many_or_few_they_are():
    said = np.concatenate([np.linspace(0.01, 0.02, 2), np.full(23, 0.5), np.linspace(0.9, 0.99, 5)])
    bins = reliability(said, np.arange(30) % 2 == 0)
    assert [b.n for b in bins] == [2, 23, 5]


def test_bins_hold_equally_many():
    bins = reliability(*sample(2, n=1000))
    assert [b.n for b in bins] == [100] * 10
    assert all(b.low <= b.observed <= b.high for b in bins)
    assert all(a.predicted < b.predicted for a, b in pairwise(bins))


@given(st.permutations(list(range(30))))
def test_the_order_of_studies_does_not_matter(order):
    said = np.repeat([0.1, 0.4, 0.4, 0.9, 0.9, 0.9], 5)
    truth = np.arange(30) % 3 == 0
    shuffled = reliability(said[list(order)], truth[list(order)].astype(float))
    for ours, theirs in zip(shuffled, reliability(said, truth.astype(float)), strict=True):
        assert ours.n == theirs.n
        assert ours.observed == pytest.approx(theirs.observed)
