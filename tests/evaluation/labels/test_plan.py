from __future__ import annotations

import numpy as np
import pytest

from molre.evaluation.labels.plan import (
    Expected,
    others_needed,
    ppv_half_width,
    sensitivity_half_width,
)
from molre.evaluation.labels.sample import cells_needed

COMMON = Expected(present=400, others=3600, ppv=0.9, sensitivity=0.9)


def test_what_is_missed_follows_from_ppv_and_sensitivity():
    right = COMMON.present * COMMON.ppv
    assert right / (right + COMMON.others * COMMON.missed) == pytest.approx(0.9)


def test_ppv_is_as_sure_as_the_number_that_was_asked_for():
    assert ppv_half_width(COMMON, cells_needed(0.05, 0.9)) <= 0.05
    assert ppv_half_width(COMMON, 0) is None
    few = Expected(present=12, others=3600, ppv=0.9, sensitivity=0.9)
    assert ppv_half_width(few, 139) == ppv_half_width(few, 12)


def test_sensitivity_needs_many_of_what_was_not_called():
    widths = [sensitivity_half_width(COMMON, 139, n) for n in (0, 10, 100, 1000, 3600)]
    assert widths == sorted(widths, reverse=True)
    assert widths[1] > 0.2
    assert widths[-1] < 0.03


def test_as_many_as_sensitivity_needs_and_no_more():
    needed = others_needed(COMMON, 139, 0.05)
    assert sensitivity_half_width(COMMON, 139, needed) <= 0.05
    assert sensitivity_half_width(COMMON, 139, needed - 1) > 0.05


def test_where_all_cells_are_too_few_none_is_named():
    rare = Expected(present=3, others=20, ppv=0.9, sensitivity=0.5)
    assert others_needed(rare, 1, 0.01) is None
    assert others_needed(Expected(0, 20, 0.9, 0.9), 10, 0.1) is None


def test_the_planned_width_is_what_drawn_samples_have():
    """Widths of what samples of this size are found to have, on average over 100 of them."""
    from molre.evaluation.statistics.stratified import Stratum, drawn_counts

    rng = np.random.default_rng(2)
    widths = []
    for trial in range(100):
        right, missed = rng.binomial(100, COMMON.ppv), rng.binomial(400, COMMON.missed)
        strata = [
            Stratum(True, COMMON.present, right, 100 - right),
            Stratum(False, COMMON.others, missed, 400 - missed),
        ]
        tp, _, fn, _ = drawn_counts(strata, 500, trial)
        low, high = np.quantile(tp / (tp + fn), [0.025, 0.975])
        widths.append((high - low) / 2)
    planned = sensitivity_half_width(COMMON, 100, 400)
    assert planned == pytest.approx(np.mean(widths), rel=0.15)
