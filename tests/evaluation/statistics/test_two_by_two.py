from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from molre.evaluation.statistics.intervals import clopper_pearson
from molre.evaluation.statistics.two_by_two import MEASURES, measures, of_counts

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def _of(called, truth):
    return measures(np.array(called), np.array(truth), [f"p{i}" for i in range(len(called))])


def _share(pairs, right, among):
    """By its definition, a pair at a time."""
    chosen = [pair for pair in pairs if among(*pair)]
    return sum(right(*pair) for pair in chosen) / len(chosen) if chosen else None


@given(PAIRS)
def test_they_are_what_they_are_defined_as(pairs):
    found = _of(*zip(*pairs, strict=True))
    known = {
        "accuracy": _share(pairs, lambda c, t: c == t, lambda c, t: True),
        "sensitivity": _share(pairs, lambda c, t: c, lambda c, t: t),
        "specificity": _share(pairs, lambda c, t: not c, lambda c, t: not t),
        "ppv": _share(pairs, lambda c, t: t, lambda c, t: c),
        "npv": _share(pairs, lambda c, t: not t, lambda c, t: not c),
    }
    recall, precision = known["sensitivity"], known["ppv"]
    if recall and precision:  # the harmonic mean of the two
        known["f1"] = 2 / (1 / recall + 1 / precision)
    for name, value in known.items():
        if value is None:
            assert found[name] is None
        else:
            assert found[name].value == pytest.approx(value)


@given(PAIRS)
def test_every_interval_holds_its_value(pairs):
    called, truth = zip(*pairs, strict=True)
    for estimate in _of(called, truth).values():
        if estimate is not None:
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
            assert estimate.low < estimate.high


def test_the_interval_of_f1_is_exact():
    called = [True] * 8 + [True] * 2 + [False] * 3 + [False] * 20
    truth = [True] * 8 + [False] * 2 + [True] * 3 + [False] * 20
    found = _of(called, truth)["f1"]
    low, high = clopper_pearson(8, 13)
    assert found.value == pytest.approx(16 / 21)
    assert (found.low, found.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


@given(PAIRS)
def test_counts_give_the_same_without_intervals(pairs):
    called, truth = (np.array(side) for side in zip(*pairs, strict=True))
    counts = [np.sum((called == a) & (truth == b)) for a in (True, False) for b in (True, False)]
    tp, fp, fn, tn = counts
    found, known = of_counts(tp, fp, fn, tn), _of(called, truth)
    for name in MEASURES:
        value = np.nan if known[name] is None else known[name].value
        assert float(found[name]) == pytest.approx(value, nan_ok=True)
    if len({*called, *truth}) == 2:
        known = cohens_kappa(np.array([[tp, fp], [fn, tn]])).kappa
        assert float(found["kappa"]) == pytest.approx(known)
