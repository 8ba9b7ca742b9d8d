from __future__ import annotations

import math

import numpy as np
import pytest

from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.macro_interval import correlations, macro_interval

RNG = np.random.default_rng(0)


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, "made up", 100)


def test_one_finding_keeps_its_own_interval():
    low, high = macro_interval([estimate(0.9, 0.8, 0.94)], RNG.normal(size=(200, 1)))
    assert (low, high) == pytest.approx((0.8, 0.94))


def test_independent_findings_add_up_by_their_squares_and_alike_ones_do_not_help():
    pair = [estimate(0.8, 0.7, 0.88), estimate(0.9, 0.8, 0.94)]
    free = macro_interval(pair, RNG.normal(size=(100_000, 2)))
    expected = (0.85 - math.hypot(0.1, 0.1) / 2, 0.85 + math.hypot(0.08, 0.04) / 2)
    assert free == pytest.approx(expected, abs=1e-3)
    same = np.repeat(RNG.normal(size=(500, 1)), 2, axis=1)
    assert macro_interval(pair, same) == pytest.approx((0.75, 0.91))


def test_where_intervals_are_the_bootstraps_own_so_is_that_of_the_mean():
    mixing = RNG.normal(size=(4, 4))
    draws = RNG.normal(size=(20_000, 4)) @ mixing * 0.02 + 0.8
    half = 1.96 * draws.std(axis=0)
    single = [estimate(0.8, 0.8 - h, 0.8 + h) for h in half]
    low, high = macro_interval(single, draws)
    assert (high - low) / 2 == pytest.approx(1.96 * draws.mean(axis=1).std(), rel=0.02)


def test_draws_with_one_class_are_left_out_and_none_means_independent():
    draws = RNG.normal(size=(50, 2))
    broken = np.concatenate([draws, [[np.nan, 1.0]]])
    np.testing.assert_array_equal(correlations(broken), correlations(draws))
    np.testing.assert_array_equal(correlations(np.full((5, 2), np.nan)), np.eye(2))
    assert correlations(np.ones((5, 2))).tolist() == [[1, 0], [0, 1]]  # separated: no variation


def test_no_finding_no_interval():
    assert np.isnan(macro_interval([], np.empty((10, 0)))).all()
