from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from molre.labels.datasets.slices import of_study

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS, COUNTS)
def test_one_slice_is_enough_to_be_present_and_all_are_needed_to_be_absent(
    positive: int, negative: int, unlabeled: int
):
    state, evidence = of_study(positive, negative, positive + negative + unlabeled)
    assert (state == "present") == (positive > 0)
    assert (state == "absent") == (not positive and not unlabeled and negative > 0)
    assert evidence.startswith(f"slices {positive} of {positive + negative}")
    assert ("not labeled" in evidence) == (unlabeled > 0)
