"""Kappa against published examples, and what must hold of any readers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from molre.evaluation.statistics.kappa import cohen, cohen_kappa, fleiss, fleiss_kappa

SAID = arrays(bool, (3, 12))
PATIENTS = [str(i) for i in range(12)]


def test_cohen_of_a_worked_example():
    # 50 proposals, two readers: both yes 20, both no 15; observed 0.7, by chance 0.5
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_fleiss_by_its_definition_written_out():
    said = np.array([[1, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, 1], [1, 1, 0, 1, 0, 0]], dtype=bool)
    yes = said.sum(axis=0)
    agree = np.mean([(y * (y - 1) + (3 - y) * (2 - y)) / 6 for y in yes])
    p = yes.sum() / 18
    chance = p**2 + (1 - p) ** 2
    counts = np.bincount(yes, minlength=4)
    assert fleiss_kappa(counts, 3) == pytest.approx((agree - chance) / (1 - chance))


@given(SAID)
def test_of_two_readers_with_the_same_number_of_yes_both_kappas_are_one_number(said: np.ndarray):
    first, second = said[0], np.roll(said[0], 1)
    one, other = cohen(first, second, PATIENTS, draws=2), fleiss(said[:1].repeat(2, 0), PATIENTS)
    if one is None:
        assert other is None
        return
    both = fleiss(np.stack([first, second]), PATIENTS, draws=2)
    assert both is not None
    assert one.value == pytest.approx(both.value)
    assert other is not None
    assert other.value == pytest.approx(1)


@given(SAID)
def test_no_kappa_changes_with_the_order_of_readers_or_with_yes_and_no_exchanged(said: np.ndarray):
    for other in (said[::-1], ~said):
        a, b = fleiss(said, PATIENTS, draws=2), fleiss(other, PATIENTS, draws=2)
        assert (a is None) == (b is None)
        if a and b:
            assert a.value == pytest.approx(b.value)


@given(st.booleans())
def test_readers_who_say_one_thing_of_everything_have_no_kappa(answer: bool):
    said = np.full((3, 12), answer)
    assert cohen(said[0], said[1], PATIENTS) is None
    assert fleiss(said, PATIENTS) is None


def test_no_studies_have_no_kappa():
    assert cohen(np.zeros(0, bool), np.zeros(0, bool), []) is None


def test_the_interval_covers_as_often_as_it_says():
    """Two readers who are each right with 90 %: of 150 samples, about 95 % cover their kappa."""
    rng = np.random.default_rng(5)
    agree, chance = 0.9**2 + 0.1**2, 0.5
    truth, covered = (agree - chance) / (1 - chance), 0
    for sample in range(150):
        shown = rng.random(200) < 0.5
        first, second = (shown ^ (rng.random(200) < 0.1) for _ in range(2))
        found = cohen(first, second, np.arange(200), draws=200, seed=sample)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert 0.89 <= covered / 150 <= 0.99


def test_studies_of_one_patient_widen_the_interval():
    rng = np.random.default_rng(0)
    first = rng.random(40) < 0.5
    second = first ^ (rng.random(40) < 0.2)
    alone = cohen(first.repeat(5), second.repeat(5), np.arange(200))
    grouped = cohen(first.repeat(5), second.repeat(5), np.arange(40).repeat(5))
    assert alone is not None
    assert grouped is not None
    assert alone.value == grouped.value
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)
