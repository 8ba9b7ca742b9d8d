from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t
from statsmodels.stats.inter_rater import cohens_kappa

from molre.evaluation.statistics.kappa import (
    ASYMPTOTIC,
    CLUSTERED,
    NO_DISAGREEMENT,
    asymptotic_interval,
    clustered_interval,
    kappa,
    kappa_estimate,
)

# Cohen 1960, table 1 (shares of 200); Fleiss 1981, table 13.2 (of 100)
COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
FLEISS = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


def readings(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(i, j) for (i, j), n in np.ndenumerate(table) for _ in range(n)]
    return np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])


@pytest.mark.parametrize(("table", "published"), [(COHEN, 0.492), (FLEISS, 0.676)])
def test_it_is_the_published_value(table, published):
    assert kappa(table) == pytest.approx(published, abs=5e-4)


def test_the_standard_error_is_the_published_one():
    low, high = asymptotic_interval(FLEISS)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.087, abs=1e-3)


@given(st.lists(st.integers(1, 40), min_size=9, max_size=9))
def test_it_is_that_of_statsmodels(counts):
    table = np.array(counts).reshape(3, 3)
    known = cohens_kappa(table)
    assert kappa(table) == pytest.approx(known.kappa)
    low, high = asymptotic_interval(table)
    assert (low, high) == pytest.approx((known.kappa_low, min(1, known.kappa_upp)), abs=1e-9)


def test_many_tables_at_once_are_each_by_itself():
    both = kappa(np.stack([COHEN, FLEISS]))
    assert list(both) == [kappa(COHEN), kappa(FLEISS)]


def test_one_class_only_has_no_kappa():
    assert math.isnan(kappa(np.array([[12, 0], [0, 0]])))
    assert kappa_estimate(np.zeros(12, int), np.zeros(12, int), list("abcdefghijkl"), 2) is None
    assert kappa_estimate(np.zeros(0, int), np.zeros(0, int), [], 2) is None


def test_strangers_get_the_large_sample_interval():
    first, second = readings(FLEISS)
    found = kappa_estimate(first, second, [f"p{i}" for i in range(100)], 3)
    assert (found.low, found.high) == pytest.approx(asymptotic_interval(FLEISS))
    assert (found.method, found.n) == (ASYMPTOTIC, 100)


def test_without_a_disagreement_the_interval_still_has_a_width():
    same = np.array([0, 1] * 10)
    found = kappa_estimate(same, same, [f"p{i}" for i in range(20)], 2)
    assert (found.value, found.high, found.method) == (1.0, 1.0, NO_DISAGREEMENT)
    # 0 of 20 disagreements may be 16.8 of 100, of the 50 that chance would make
    assert found.low == pytest.approx(1 - 0.16843 / 0.5, abs=1e-4)


def test_copies_of_a_reading_add_little():
    first, second = readings(FLEISS)
    alone = kappa_estimate(first, second, np.arange(100).astype(str), 3)
    copies = kappa_estimate(
        np.repeat(first, 4), np.repeat(second, 4), np.repeat(np.arange(100), 4).astype(str), 3
    )
    assert copies.method == CLUSTERED
    assert copies.high - copies.low == pytest.approx(alone.high - alone.low, rel=0.03)


def test_who_is_asked_first_does_not_matter():
    first, second = readings(COHEN)
    patients = np.repeat(np.arange(50), 4).astype(str)
    one, other = (kappa_estimate(*pair, patients, 3) for pair in ((first, second), (second, first)))
    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))


@given(st.lists(st.integers(1, 40), min_size=9, max_size=9))
def test_clusters_of_one_have_the_large_sample_interval(counts):
    table = np.array(counts).reshape(3, 3)
    first, second = readings(table)
    n = len(first)
    low, high = clustered_interval(first, second, np.arange(n), table)
    known = cohens_kappa(table)
    reach = known.std_kappa * np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1)
    assert (low, high) == pytest.approx((max(-1, known.kappa - reach), min(1, known.kappa + reach)))


def test_the_interval_of_clusters_is_that_of_drawing_clusters_again():
    """200 patients with 1 to 5 readings that resemble each other; against the slow bootstrap."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 6, 200)
    owner = np.repeat(np.arange(200), sizes)
    truth = (rng.random(200) < 0.4)[owner]
    hard = (rng.random(200) < 0.3)[owner]  # where both readers guess
    first, second = (np.where(hard, rng.random(len(owner)) < 0.5, truth) for _ in range(2))
    found = kappa_estimate(first, second, owner, 2)
    drawn = []
    for _ in range(1000):
        rows = np.concatenate([np.flatnonzero(owner == p) for p in rng.integers(0, 200, 200)])
        one, other = first[rows], second[rows]
        drawn.append(cohens_kappa(np.array([[np.sum((one == a) & (other == b)) for b in (0, 1)]
                                            for a in (0, 1)]), return_results=False))  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.015)


def test_one_patient_alone_says_nothing():
    found = kappa_estimate(np.array([0, 1, 1]), np.array([0, 1, 0]), ["p"] * 3, 2)
    assert (found.low, found.high) == (-1, 1)
