from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.evaluation.statistics.auc import auc, auc_by_finding
from tests.helpers.evaluation.references import pairwise_auc


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Few distinct scores, so many ties; both classes."""
    n = draw(st.integers(2, 30))
    scores = draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n))
    labels = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n, max_size=n))
    labels[0], labels[1] = 0.0, 1.0
    return np.array(scores, dtype=float), np.array(labels)


@given(cases())
def test_auc_is_the_share_of_pairs_ranked_rightly(case):
    scores, labels = case
    assert auc(scores, labels) == pytest.approx(pairwise_auc(scores, labels), abs=1e-12)


@given(cases())
def test_auc_depends_on_order_only(case):
    scores, labels = case
    assert auc(np.exp(scores / 3) * 7 - 2, labels) == auc(scores, labels)


@given(cases())
def test_swapping_the_classes_mirrors_auc(case):
    scores, labels = case
    assert auc(scores, 1 - labels) == pytest.approx(1 - auc(scores, labels), abs=1e-12)


@given(cases())
def test_negating_scores_mirrors_auc(case):
    scores, labels = case
    assert auc(-scores, labels) == pytest.approx(1 - auc(scores, labels), abs=1e-12)


def test_all_scores_tied_is_a_coin_toss():
    assert auc(np.zeros(9), np.array([1.0, 0.0, 0.0] * 3)) == 0.5


def test_unknown_labels_do_not_count():
    scores = np.array([0.1, 0.9, 0.5, 0.4])
    assert auc(scores, np.array([0, 1, np.nan, np.nan])) == 1.0


@pytest.mark.parametrize("labels", [[1.0, 1.0], [0.0, 0.0], [np.nan, 1.0], [np.nan, np.nan]])
def test_one_class_is_not_a_number_never_zero(labels):
    assert math.isnan(auc(np.array([0.2, 0.4]), np.array(labels)))


def test_findings_are_scored_one_by_one():
    scores = np.array([[0.0, 3.0], [1.0, 2.0], [2.0, 1.0]])
    labels = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, np.nan]])
    first, second = auc_by_finding(scores, labels)
    assert first == 1.0
    assert math.isnan(second)


def test_a_score_that_is_not_a_number_has_no_rank():
    assert math.isnan(auc(np.array([0.2, np.nan, 0.4]), np.array([1.0, 0.0, 0.0])))
    assert auc(np.array([0.2, np.nan, 0.4]), np.array([1.0, np.nan, 0.0])) == 0.0
