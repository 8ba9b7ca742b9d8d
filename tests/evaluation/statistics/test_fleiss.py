"""Fleiss' kappa by its definition, and what must hold of any readers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from molre.evaluation.statistics.fleiss import fleiss_estimate, fleiss_kappa

SAID = arrays(bool, (3, 12))
PATIENTS = [str(i) for i in range(12)]


def test_it_is_its_definition_written_out():
    said = np.array([[1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, 1], [1, 1, 0, 1, 0, 0]], dtype=bool)
    pairs = [(said[:, n][a] == said[:, n][b]) for n in range(6) for a in range(3) for b in range(a)]
    p = said.mean()
    chance = p**2 + (1 - p) ** 2
    counts = np.bincount(said.sum(axis=0), minlength=4)
    assert fleiss_kappa(counts) == pytest.approx((np.mean(pairs) - chance) / (1 - chance))


@given(SAID)
def test_it_changes_neither_with_the_order_of_readers_nor_with_yes_and_no_exchanged(
    said: np.ndarray,
):
    one = fleiss_estimate(said, PATIENTS, draws=2)
    for other in (said[::-1], ~said):
        same = fleiss_estimate(other, PATIENTS, draws=2)
        assert (one is None) == (same is None)
        if one and same:
            assert one.value == pytest.approx(same.value)


@given(st.booleans())
def test_readers_who_say_one_thing_of_everything_have_none(answer: bool):
    assert fleiss_estimate(np.full((3, 12), answer), PATIENTS) is None


def test_no_studies_have_none():
    assert fleiss_estimate(np.zeros((3, 0), bool), []) is None


def test_readers_who_always_agree_have_an_interval_all_the_same():
    said = np.repeat(np.arange(12)[None] < 6, 3, axis=0)
    found = fleiss_estimate(said, PATIENTS)
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    assert 0 < found.low < 0.6  # of twelve studies, 26 % could be disagreed on


def test_the_interval_covers_about_as_often_as_it_says():
    """Three readers who are each right with 90 %: of 150 samples, about 95 % cover their kappa."""
    rng = np.random.default_rng(5)
    truth, covered = (0.9**2 + 0.1**2 - 0.5) / 0.5, 0
    for sample in range(150):
        shown = rng.random(200) < 0.5
        said = shown ^ (rng.random((3, 200)) < 0.1)
        found = fleiss_estimate(said, np.arange(200), draws=200, seed=sample)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.89 <= covered / 150 <= 0.99


def test_studies_of_one_patient_widen_the_interval():
    rng = np.random.default_rng(0)
    said = (rng.random(40) < 0.5) ^ (rng.random((3, 40)) < 0.2)
    alone = fleiss_estimate(said.repeat(5, axis=1), np.arange(200))
    grouped = fleiss_estimate(said.repeat(5, axis=1), np.arange(40).repeat(5))
    assert alone is not None
    assert grouped is not None
    assert alone.value == grouped.value
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
