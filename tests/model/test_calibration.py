"""Calibration recovers known distortions, claims nothing on few labels; Youden by brute force."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from molre.model.calibration import FLOOR, fit_calibration, youden


def test_five_scans_of_one_patient_are_one_patient():
    """A finding that one patient alone has is not called calibrated, whatever the scans."""
    rng = np.random.default_rng(0)
    y = np.repeat((np.arange(60) % 2).astype(float)[:, None], 2, axis=1)
    patients = [f"p{i}" for i in range(60)]
    one = ["p1" if present else name for present, name in zip(y[:, 0], patients, strict=True)]
    logits = y + rng.normal(size=y.shape)
    assert fit_calibration(logits, y, patients).calibrated.all()
    fitted = fit_calibration(logits, y, one)
    assert not fitted.calibrated.any()
    assert np.isnan(fitted.thresholds).all()
    assert fitted.positives.tolist() == [30, 30]  # studies, as they were counted


def test_recovers_a_shared_slope_and_each_intercept() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(4000, 3)) * 1.5 + np.array([-1.0, 0.0, 0.5])
    y = (rng.random(truth.shape) < 1 / (1 + np.exp(-truth))).astype(float)
    fitted = fit_calibration((truth - np.array([0.3, -0.2, 0.1])) / 2.0, y)
    assert fitted.slope == pytest.approx(2.0, rel=0.1)
    assert fitted.intercepts == pytest.approx([0.3, -0.2, 0.1], abs=0.15)
    assert fitted.calibrated.all()


def test_the_fit_is_the_maximum_of_the_posterior_it_is_defined_by() -> None:
    """The definition, maximized by another method from another start."""
    rng = np.random.default_rng(4)
    logits = rng.normal(size=(300, 4)) + np.array([-2.0, 0.0, 1.0, 3.0])
    y = (rng.random(logits.shape) < expit(0.7 * logits - 0.5)).astype(float)
    y[rng.random(y.shape) < 0.2] = np.nan

    def posterior(x: np.ndarray) -> float:
        slope, mean, own = np.exp(x[0]), x[1], x[2:]
        p = expit(slope * logits + mean + own)
        known = ~np.isnan(y)
        likelihood = np.log(np.where(y == 1, p, 1 - p))[known].sum()
        return float(-likelihood + (own**2).sum() / 2 + x[0] ** 2 / 2)

    best = minimize(posterior, np.full(6, 0.1), method="BFGS", options={"gtol": 1e-6}).x
    fitted = fit_calibration(logits, y)
    assert fitted.slope == pytest.approx(np.exp(best[0]), abs=1e-3)
    assert fitted.intercepts == pytest.approx(best[1] + best[2:], abs=1e-3)


def test_few_positives_are_drawn_to_the_common_intercept_and_many_are_not() -> None:
    """Each finding's intercept is off by 2; with 4 of 20 studies a free fit would follow noise."""
    rng = np.random.default_rng(2)
    errors, free_errors, reached = [], [], []
    for _ in range(40):
        truth = rng.normal(size=(2000, 8)) - 1.5
        y = (rng.random(truth.shape) < expit(truth)).astype(float)
        y[20:, 0] = np.nan
        logits = truth - np.array([2.0, *[0.0] * 7])  # the rare finding alone is off
        fitted = fit_calibration(logits, y)
        few = ~np.isnan(y[:, 0])
        alone = fit_calibration(logits[few][:, :1], y[few][:, :1])
        errors.append(fitted.intercepts[0] - 2.0)
        free_errors.append(alone.intercepts[0] - 2.0)
        reached.append(np.abs(fitted.intercepts[1:]).max())
    assert -1.6 < np.mean(errors) < -0.2  # shrunken to the others, near 0
    assert np.std(errors) < np.std(free_errors)  # and so less noisy
    assert np.mean(reached) < 0.2  # those with many labels find their own


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


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("studies", [1, 4, 40])
def test_labels_of_one_class_leave_the_logits(value: float, studies: int) -> None:
    """A study without findings must not drive every probability to 0."""
    logits = np.random.default_rng(3).normal(size=(studies, 7))
    y = np.full(logits.shape, value)
    fitted = fit_calibration(logits, y)
    assert not fitted.estimable
    assert not fitted.calibrated.any()
    assert np.isnan(fitted.thresholds).all()
    np.testing.assert_allclose(fitted.probabilities(logits), expit(logits))


@pytest.mark.parametrize("positives", [1, 5])
def test_labels_of_both_classes_over_all_findings_are_enough_to_estimate(positives: int) -> None:
    rng = np.random.default_rng(3)
    logits, y = rng.normal(size=(20, 7)), np.zeros((20, 7))
    y[0, :positives] = 1
    fitted = fit_calibration(logits, y)
    assert fitted.estimable
    assert not fitted.calibrated.any()
    assert fitted.probabilities(logits).mean() == pytest.approx(positives / y.size, rel=0.05)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-6, 6), min_size=12, max_size=30),
    st.sampled_from([1.0, 30.0, 1e-7, 1e-15]),
    st.sampled_from([0.0, 20.0, -110.0]),
)
def test_a_threshold_does_in_predictions_that_are_kept_what_it_was_chosen_for(
    steps: list[int], scale: float, offset: float
) -> None:
    """Probabilities are kept as float32, thresholds as JSON; near 0 and 1 many are one number."""
    logits = (np.array(steps) * scale + offset)[:, None].astype(np.float32)
    y = np.arange(len(steps))[:, None] % 2.0
    fitted = fit_calibration(logits, y)
    kept = fitted.probabilities(logits).astype(np.float32).astype(float)[:, 0]
    threshold = json.loads(json.dumps(float(fitted.thresholds[0])))

    def gain(cut: float) -> float:
        return float((kept[y[:, 0] == 1] >= cut).mean() - (kept[y[:, 0] == 0] >= cut).mean())

    assert gain(threshold) == pytest.approx(max(gain(c) for c in np.unique(kept)))


def test_nothing_known_leaves_the_logits() -> None:
    fitted = fit_calibration(np.zeros((5, 2)), np.full((5, 2), np.nan))
    assert fitted.slope == 1
    assert not fitted.calibrated.any()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=25), st.booleans()
)
def test_youden_is_the_best_of_all_cuts(pairs: list[tuple[bool, int]], even: bool) -> None:
    y = np.array([float(p[0]) for p in pairs])
    # evenly spread, or neighboring doubles
    p = np.array([p[1] / 10 if even else 0.3 + p[1] * np.spacing(0.3) for p in pairs])
    if y.min() == y.max():
        return

    def gain(cut: float) -> float:
        return float((p[y == 1] >= cut).mean() - (p[y == 0] >= cut).mean())

    cuts = [*np.unique(p), 1.0]
    assert gain(youden(y, p)) == pytest.approx(max(gain(c) for c in cuts))
