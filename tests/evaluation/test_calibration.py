from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from molre.evaluation.calibration import calibration, reliability, slope_intercept


def sample(seed: int, n: int = 4000, slope: float = 1.0, intercept: float = 0.0):
    """Probabilities whose true logit is ``intercept + slope * logit``."""
    rng = np.random.default_rng(seed)
    said = rng.normal(-0.5, 1.5, size=n)
    truth = expit(intercept + slope * said)
    return expit(said), (rng.random(n) < truth).astype(float)


def test_true_probabilities_are_calibrated():
    result = calibration(*sample(0))
    assert result.slope == pytest.approx(1, abs=0.1)
    assert result.intercept == pytest.approx(0, abs=0.1)
    assert result.ece < 0.03
    assert result.skill > 0.2


def test_overconfidence_shows_in_the_slope():
    result = calibration(*sample(1, slope=0.5, intercept=0.7))
    assert result.slope == pytest.approx(0.5, abs=0.1)
    assert result.intercept == pytest.approx(0.7, abs=0.1)
    assert result.ece > 0.08


@given(st.integers(0, 100), st.sampled_from([0.3, 1.0, 2.5]))
def test_slope_and_intercept_equal_logistic_regression(seed, slope):
    said, truth = sample(seed, n=150, slope=slope)
    fitted = sm.Logit(truth, sm.add_constant(logit(said))).fit(disp=0).params
    assert slope_intercept(said, truth) == pytest.approx((fitted[1], fitted[0]), abs=1e-5)


def test_separation_has_no_slope():
    assert np.isnan(slope_intercept(np.array([0.1, 0.2, 0.8]), np.array([0.0, 0.0, 1.0]))).all()


def test_saying_the_prevalence_has_no_skill():
    labels = np.array([1.0] * 3 + [0.0] * 7)
    result = calibration(np.full(10, 0.3), labels)
    assert result.skill == pytest.approx(0)
    assert result.brier == pytest.approx(0.21)
    assert result.ece == pytest.approx(0)
    assert math.isnan(result.slope)


def test_unknown_labels_are_left_out():
    said = np.array([0.2, 0.9, 0.5])
    assert calibration(said, np.array([0.0, 1.0, np.nan])).n == 2
    assert calibration(said, np.full(3, np.nan)).n == 0


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
