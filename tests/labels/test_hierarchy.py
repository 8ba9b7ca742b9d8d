from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.hierarchy import ABSENT, PRESENT, UNKNOWN, close

TABLE = findings()
COLUMN = {f: k for k, f in enumerate(TABLE.ids)}


def stated(**cells: int) -> np.ndarray:
    states = np.full((1, len(TABLE)), UNKNOWN, dtype=np.int8)
    for finding, state in cells.items():
        states[0, COLUMN[finding]] = state
    return states


def test_a_present_child_makes_all_ancestors_present_and_says_nothing_of_its_siblings():
    closed = close(stated(depressed_skull_fracture=PRESENT), TABLE)[0]
    assert closed[COLUMN["calvarial_fracture"]] == PRESENT
    assert closed[COLUMN["skull_fracture"]] == PRESENT
    assert closed[COLUMN["skull_base_fracture"]] == UNKNOWN


def test_an_absent_parent_makes_all_descendants_absent_across_categories():
    closed = close(stated(intracranial_hemorrhage=ABSENT), TABLE)[0]
    assert closed[COLUMN["hemorrhagic_contusion"]] == ABSENT
    assert closed[COLUMN["hemorrhagic_transformation"]] == ABSENT


def test_a_present_parent_and_an_absent_child_say_nothing():
    states = stated(skull_fracture=PRESENT, calvarial_fracture=ABSENT)
    closed = close(states, TABLE)[0]
    assert closed[COLUMN["skull_fracture"]] == PRESENT
    assert closed[COLUMN["skull_base_fracture"]] == UNKNOWN
    assert closed[COLUMN["depressed_skull_fracture"]] == ABSENT


def test_a_contradiction_is_refused_and_the_study_named():
    states = stated(depressed_skull_fracture=PRESENT, skull_fracture=ABSENT)
    with pytest.raises(
        MolreError, match=r"study A7.*depressed_skull_fracture is 1.*skull_fracture"
    ):
        close(states, TABLE, ["A7"])


any_states = arrays(np.int8, (2, len(TABLE)), elements=st.sampled_from([-1, -1, -1, -1, 0, 1]))


@given(any_states)
def test_closing_is_idempotent_and_only_adds(states: np.ndarray):
    try:
        once = close(states, TABLE)
    except MolreError:
        return
    known = states != UNKNOWN
    assert np.array_equal(once[known], states[known])
    assert np.array_equal(close(once, TABLE), once)


@given(any_states, st.integers(0, 1), st.integers(0, len(TABLE) - 1))
def test_closing_is_monotone(states: np.ndarray, row: int, column: int):
    """Knowing less beforehand never means knowing more, or otherwise, afterwards."""
    less = states.copy()
    less[row, column] = UNKNOWN
    try:
        more = close(states, TABLE)
    except MolreError:
        return
    fewer = close(less, TABLE)
    known = fewer != UNKNOWN
    assert np.array_equal(fewer[known], more[known])
