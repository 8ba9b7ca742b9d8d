from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from molre.evaluation.statistics.intervals import clopper_pearson, wilson

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_equal_statsmodels(count):
    from statsmodels.stats.proportion import proportion_confint

    assert clopper_pearson(*count) == pytest.approx(
        proportion_confint(*count, method="beta"), abs=1e-9
    )
    assert wilson(*count) == pytest.approx(proportion_confint(*count, method="wilson"), abs=1e-9)


@given(counts)
def test_clopper_pearson_leaves_a_fortieth_in_each_tail(count):
    hits, n = count
    low, high = clopper_pearson(hits, n)
    if hits > 0:
        assert binom.sf(hits - 1, n, low) == pytest.approx(0.025, abs=1e-6)
    if hits < n:
        assert binom.cdf(hits, n, high) == pytest.approx(0.025, abs=1e-6)


def test_nothing_tried_is_nothing_known():
    assert clopper_pearson(0, 0) == wilson(0, 0) == (0.0, 1.0)
