"""Splits as `molre split` assigns them: which ones shares can give, and which none can."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from molre.audit.checks.split import possible
from molre.cohort.split import _dealt

SHARES = st.sampled_from([(0.6, 0.1, 0.1, 0.2), (0.5, 0.12, 0.14, 0.24), (0.0, 0.0, 0.0, 1.0)])


def order(patients: int, shares: tuple[float, ...]) -> list[str]:
    names = [f"{i:04d}" for i in range(patients)]
    dealt = _dealt(names, [], shares)
    return [dealt[name] for name in names]


@given(st.integers(1, 120), SHARES)
def test_what_was_dealt_can_have_been_dealt(patients: int, shares: tuple[float, ...]) -> None:
    assert possible(order(patients, shares))


def test_patients_who_changed_places_leave_a_split_that_no_shares_give() -> None:
    """Two neighbors in the order may change places unseen, where both splits lacked as much."""
    draw, unseen_ = random.Random(0), 0
    for patients in range(60, 160):
        changed = order(patients, (0.6, 0.1, 0.1, 0.2))
        for one, other in (("train", "test"), ("calibrate", "test"), ("tune", "test")):
            i, j = (changed.index(split, draw.randrange(patients // 2)) for split in (one, other))
            changed[i], changed[j] = changed[j], changed[i]
        unseen_ += possible(changed)
    assert unseen_ <= 5


def test_a_split_that_is_none_is_not_dealt() -> None:
    assert not possible(["train", "held out"])
