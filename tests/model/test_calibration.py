"""Calibration recovers known distortions, claims nothing on few labels; Youden by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.model.calibration import FLOOR, fit_calibration, youden


def test_recovers_a_shared_slope_and_each_intercept() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 3)) * 1.5 + np.array([-1.0, 0.0, 0.5])
    y = (rng.random(truth.shape) < 1 / (1 + np.exp(-truth))).astype(float)
    fitted = fit_calibration((truth - np.array([0.3, -0.2, 0.1])) / 2.0, y)
    assert fitted.slope == pytest.approx(2.0, rel=0.1)
    assert fitted.intercepts == pytest.approx([0.3, -0.2, 0.1], abs=0.15)
    assert fitted.calibrated.all()


def test_few_labels_are_not_called_calibrated_and_have_no_threshold() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(50, 2))
    y = (logits > 0).astype(float)
    y[:, 1] = 0
    y[: FLOOR - 1, 1] = 1
    fitted = fit_calibration(logits, y)
    assert fitted.calibrated.tolist() == [True, False]
    assert np.isfinite(fitted.thresholds[0])
    assert np.isnan(fitted.thresholds[1])


def test_nothing_known_leaves_the_logits() -> None:
    fitted = fit_calibration(np.zeros((5, 2)), np.full((5, 2), np.nan))
    assert fitted.slope == 1
    assert not fitted.calibrated.any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=25))
def test_youden_is_the_best_of_all_cuts(pairs: list[tuple[bool, int]]) -> None:
    y = np.array([float(p[0]) for p in pairs])
    p = np.array([p[1] / 10 for p in pairs])
    if y.min() == y.max():
        return

    def gain(cut: float) -> float:
        return float((p[y == 1] >= cut).mean() - (p[y == 0] >= cut).mean())

    cuts = [*np.unique(p), 1.0]
    assert gain(youden(y, p)) == pytest.approx(max(gain(c) for c in cuts))
