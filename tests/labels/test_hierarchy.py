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


def test_a_contradiction_without_names_gives_the_row():
    states = np.vstack([stated(), stated(glioma=PRESENT, intracranial_mass=ABSENT)])
    with pytest.raises(MolreError, match=r"row 2.*glioma is 1.*intracranial_mass is 0"):
        close(states, TABLE)


def test_the_states_given_stay_as_they_are():
    states = stated(depressed_skull_fracture=PRESENT)
    before = states.copy()
    assert close(states, TABLE).dtype == np.int8
    assert np.array_equal(states, before)
    assert close(states[:0], TABLE).shape == (0, len(TABLE))


def by_single_steps(states: np.ndarray) -> np.ndarray | None:
    """One parent and child at a time until nothing changes; None if two rules disagree."""
    closed = states.copy()
    links = [(COLUMN[f.id], COLUMN[f.parent]) for f in TABLE if f.parent]
    while True:
        before = closed.copy()
        for row in closed:
            for child, parent in links:
                if row[child] == PRESENT and row[parent] == ABSENT:
                    return None
                if row[child] == PRESENT:
                    row[parent] = PRESENT
                if row[parent] == ABSENT:
                    row[child] = ABSENT
        if np.array_equal(before, closed):
            return closed


any_states = arrays(np.int8, (2, len(TABLE)), elements=st.sampled_from([0, 1]), fill=st.just(-1))


@given(any_states)
def test_closing_is_what_single_steps_lead_to(states: np.ndarray):
    expected = by_single_steps(states)
    if expected is None:
        with pytest.raises(MolreError, match="but the broader"):
            close(states, TABLE)
    else:
        assert np.array_equal(close(states, TABLE), expected)


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
