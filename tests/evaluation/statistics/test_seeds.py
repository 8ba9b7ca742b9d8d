"""Training again as a second source of chance: against textbook numbers and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from molre.evaluation.statistics.bootstrap import percentile_interval, two_sided_p
from molre.evaluation.statistics.seeds import detectable, seed_spread, student_test

SAMPLES = st.lists(st.floats(0.5, 0.9), min_size=3, max_size=6)


@given(SAMPLES, SAMPLES)
def test_variance_and_freedom_are_welchs(arm, control):
    spread = seed_spread(np.array(arm), np.array(control))
    assert spread.known
    if spread.variance < 1e-10:
        return
    theirs = stats.ttest_ind(arm, control, equal_var=False)
    difference = float(np.mean(arm) - np.mean(control))
    *_, p = student_test(difference, spread.variance, spread.freedom, 0.95)
    assert spread.freedom == pytest.approx(theirs.df, rel=1e-6)
    assert p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("few", [1, 2])
def test_below_three_seeds_nothing_is_known_of_their_spread(few):
    spread = seed_spread(np.linspace(0.6, 0.7, few), np.array([0.6, 0.7, 0.8]))
    assert (spread.known, spread.variance) == (False, 0.0)
    assert (spread.draws(50, 0) == 0).all()


def test_draws_have_the_spread_whatever_their_number():
    spread = seed_spread(np.array([0.6, 0.61, 0.65]), np.array([0.7, 0.69, 0.72]))
    theirs = stats.ttest_ind([0.6, 0.61, 0.65], [0.7, 0.69, 0.72], equal_var=False)
    for count in (2000, 20_000):
        moved = -0.0833333 + spread.draws(count, seed=1)
        assert two_sided_p(moved) == pytest.approx(theirs.pvalue, abs=0.002)
        assert percentile_interval(moved) == pytest.approx(
            tuple(theirs.confidence_interval(0.95)), abs=0.003
        )
    assert np.array_equal(spread.draws(100, 1), spread.draws(100, 1))


@pytest.mark.parametrize(
    ("arm", "control"), [(3, 3), (5, 5), (3, 8)], ids=["3 and 3", "5 and 5", "3 and 8"]
)
@pytest.mark.parametrize("wider", [1.0, 4.0])
def test_the_level_holds_where_resampling_seeds_would_not(arm, control, wider):
    """Two arms of the same mean, one of which varies more: shares of p below .05 in 2,000."""
    rng = np.random.default_rng(0)
    ours, resampled = [], []
    for _ in range(2000):
        a, b = rng.normal(size=arm), wider * rng.normal(size=control)
        spread = seed_spread(a, b)
        *_, p = student_test(a.mean() - b.mean(), spread.variance, spread.freedom, 0.95)
        ours.append(p < 0.05)
        error = math.sqrt(a.var() / arm + b.var() / control)  # of seeds drawn with replacement
        resampled.append(abs(a.mean() - b.mean()) > 1.96 * error)
    assert np.mean(ours) < 0.07
    assert np.mean(resampled) > 0.08


def test_the_smallest_difference_to_be_found_is_found_eight_times_in_ten():
    assert detectable(1.0, math.inf, 0.05) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    rng = np.random.default_rng(1)
    truth = detectable(0.02**2, math.inf, 0.05 / 4)
    seen = truth + 0.02 * rng.normal(size=20_000)
    found = 2 * stats.norm.sf(np.abs(seen) / 0.02) < 0.05 / 4
    assert found.mean() == pytest.approx(0.8, abs=0.01)
    assert math.isnan(detectable(math.nan, math.inf, 0.05))
