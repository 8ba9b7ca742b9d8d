"""Test is read no better than calibrate, beyond chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from molre.audit.check import FLAG, PASS
from molre.audit.checks import unseen
from molre.runs.split_scores import SplitScores


def scored(n: int, skill: float, seed: int) -> SplitScores:
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < 0.4).astype(float)
    names = tuple(f"{i}" for i in range(n))
    logits = skill * labels + rng.normal(size=(n, 3))
    return SplitScores(names, names, labels, logits, expit(logits))


@pytest.mark.parametrize(("on_test", "outcome"), [(1.0, PASS), (3.5, FLAG)])
def test_test_far_above_calibrate_is_flagged(on_test: float, outcome: str) -> None:
    (check,) = unseen.above(scored(120, on_test, 1), scored(80, 1.0, 2), ("a", "b", "c"))
    assert check.outcome == outcome, check.found


def test_without_patients_of_both_classes_in_both_splits_nothing_is_compared() -> None:
    assert list(unseen.above(scored(120, 1.0, 1), scored(6, 1.0, 2), ("a", "b", "c"))) == []
