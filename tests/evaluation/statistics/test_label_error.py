from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.statistics.auc import auc
from molre.evaluation.statistics.label_error import label_error, true_auc

RATES = st.floats(0.55, 1)


def test_perfect_labels_change_nothing():
    found = label_error(0.3, 1, 1)
    assert (found.prevalence, found.ppv, found.npv, found.factor) == (0.3, 1, 1, 1)
    assert true_auc(0.8, found.factor) == pytest.approx(0.8)


@given(st.floats(0.02, 0.98), RATES, RATES)
def test_it_is_bayes_rule(prevalence, sensitivity, specificity):
    labeled = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    if not 1e-6 < labeled < 1 - 1e-6:
        return
    found = label_error(labeled, sensitivity, specificity)
    assert found.prevalence == pytest.approx(prevalence, abs=1e-9)
    assert found.ppv == pytest.approx(prevalence * sensitivity / labeled)
    assert found.npv == pytest.approx((1 - prevalence) * specificity / (1 - labeled))


@given(st.floats(0.05, 0.95), RATES, RATES, st.floats(0, 0.4), st.floats(0, 0.4))
def test_better_labels_never_draw_an_auc_further_down(labeled, one, other, more, further):
    """So that the ends of both intervals are the ends of the factor."""
    worse = label_error(labeled, one, other)
    better = label_error(labeled, min(1, one + more), min(1, other + further))
    if worse is not None:
        assert better is not None
        assert better.factor >= worse.factor - 1e-12


@pytest.mark.parametrize(
    ("labeled", "sensitivity", "specificity"), [(0.04, 0.9, 0.95), (0.6, 0.5, 0.9), (0.5, 0.4, 0.6)]
)
def test_rates_that_cannot_give_this_share_tell_nothing(labeled, sensitivity, specificity):
    assert label_error(labeled, sensitivity, specificity) is None


@pytest.mark.parametrize("prevalence", [0.1, 0.5])
def test_simulated_labels_draw_the_auc_down_as_the_formula_says(prevalence):
    """200,000 studies; wrong labels are drawn without a look at the score."""
    rng = np.random.default_rng(3)
    truth = rng.random(200_000) < prevalence
    scores = rng.normal(size=truth.size) + 1.5 * truth
    for sensitivity, specificity in ((0.9, 0.97), (0.7, 0.99), (0.99, 0.9)):
        right = np.where(truth, sensitivity, specificity)
        labels = np.where(rng.random(truth.size) < right, truth, ~truth)
        found = label_error(float(labels.mean()), sensitivity, specificity)
        assert found.prevalence == pytest.approx(prevalence, abs=0.006)
        seen = auc(scores, labels.astype(float))
        assert seen < auc(scores, truth.astype(float))
        assert true_auc(seen, found.factor) == pytest.approx(
            auc(scores, truth.astype(float)), abs=0.012
        )


def test_labels_that_miss_what_the_model_misses_break_the_formula():
    """The assumption is one: faint findings missed by both make the corrected AUC too high."""
    rng = np.random.default_rng(4)
    truth = rng.random(100_000) < 0.3
    scores = rng.normal(size=truth.size) + 1.5 * truth
    missed = truth & (scores < np.quantile(scores[truth], 0.2))
    labels = truth & ~missed
    found = label_error(float(labels.mean()), 0.8, 1.0)
    seen, real = auc(scores, labels.astype(float)), auc(scores, truth.astype(float))
    assert true_auc(seen, found.factor) > real + 0.03
