"""The score interval against its definition, and where DeLong's fails."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from molre.evaluation.statistics.delong import delong
from molre.evaluation.statistics.score_interval import model_variance, score_interval

Z = norm.ppf(0.975)
aucs = st.floats(0.02, 0.98)
sizes = st.integers(2, 400)


@given(aucs, sizes, sizes, st.floats(0, 0.02))
def test_a_bound_is_the_auc_that_lies_z_standard_errors_away(auc, positives, negatives, variance):
    scale = max(1.0, variance / model_variance(auc, positives, negatives))
    for bound in score_interval(auc, variance, positives, negatives):
        error = math.sqrt(scale * model_variance(bound, positives, negatives))
        assert abs(auc - bound) == pytest.approx(Z * error, rel=1e-4)


@given(aucs, sizes, sizes)
def test_it_is_the_same_seen_from_the_other_side(auc, positives, negatives):
    low, high = score_interval(auc, 0.001, positives, negatives)
    mirrored = score_interval(1 - auc, 0.001, negatives, positives)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


def test_the_model_is_hanley_and_mcneils_where_classes_are_of_one_size():
    auc, n = 0.85, 40
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    theirs = auc * (1 - auc) + (n - 1) * (one - auc**2) + (n - 1) * (two - auc**2)
    assert model_variance(auc, n, n) == pytest.approx(theirs / n**2)


@pytest.mark.parametrize("auc", [0.0, 1.0])
def test_separation_is_not_certainty_and_more_cases_make_it_surer(auc):
    few, many = (score_interval(auc, 0.0, m, 500) for m in (10, 100))
    assert auc in few
    assert 0.02 < few[1] - few[0] < 0.2
    assert many[1] - many[0] < (few[1] - few[0]) / 2


def test_no_case_no_knowledge():
    assert score_interval(0.5, math.nan, 0, 10) == (0.0, 1.0)


def test_it_holds_where_delongs_does_not():
    """20 positives, a true AUC of .95: of DeLong's intervals some 88 in 100 hold it."""
    rng, truth = np.random.default_rng(0), 0.95
    labels = np.repeat([1.0, 0.0], [20, 380])
    held = {"score": 0, "delong": 0}
    for _ in range(400):
        result = delong(rng.normal(size=400) + labels * norm.ppf(truth) * math.sqrt(2), labels)
        auc, variance = result.contrast(np.ones(1))
        low, high = score_interval(auc, variance, 20, 380)
        held["score"] += low <= truth <= high
        low, high = result.interval(np.ones(1))
        held["delong"] += low <= truth <= high
    assert held["score"] > 376  # .94
    assert held["delong"] < 368  # .92
