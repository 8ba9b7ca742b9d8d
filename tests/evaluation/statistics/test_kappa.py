from __future__ import annotations

import numpy as np
import pytest

from molre.evaluation.statistics.kappa import kappa, kappa_estimate


def test_two_raters_of_fifty_units():
    # both yes 20, both no 15: they agree on 0.7 of all, by chance on 0.5
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_raters_who_say_one_thing_of_everything_have_none():
    same = np.zeros(12, dtype=int)
    assert kappa_estimate(same, same, np.arange(12), 2) is None


def test_the_interval_is_around_the_value():
    rng = np.random.default_rng(0)
    first = rng.random(100) < 0.4
    second = first ^ (rng.random(100) < 0.1)
    found = kappa_estimate(first, second, np.arange(100), 2)
    assert found is not None
    assert found.low < found.value < found.high < 1
