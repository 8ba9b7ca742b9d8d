"""Every row of the table of traps: built, read, and compared with what was scanned."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, RLELossless

from molre.ct.read import read
from tests.helpers.ct.dicom_files import Turn
from tests.helpers.traps.page import PAGE, RESULTS, page
from tests.helpers.traps.scan import scan, store
from tests.helpers.traps.table import TRAPS
from tests.helpers.traps.trap import check


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_trap(trap, tmp_path):
    check(trap, tmp_path / "files")


@settings(max_examples=25)
@given(
    tilt=st.sampled_from([-18.5, 0.0, 16.5]),
    steps=st.lists(st.floats(0.6, 10.0), min_size=2, max_size=8),
    turn=st.builds(Turn, st.booleans(), st.booleans(), st.booleans()),
    spacing=st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 4.0)),
    signed=st.booleans(),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless]),
    order=st.permutations(range(9)),
    rotated=st.booleans(),
)
def test_traps_that_come_together(
    tmp_path_factory, tilt, steps, turn, spacing, signed, syntax, order, rotated
):
    folder = tmp_path_factory.mktemp("together")
    spacing = tuple(round(s, 3) for s in spacing)
    truth = scan(step=steps, tilt=tilt, pitch=10.0 * rotated, spacing=spacing)
    truth.hu[:, 0, 0] = -1000  # a small field of view may hold no air
    names = [f"{i}" for i in order[: len(truth.hu)]]
    intercept = 0 if signed else -1024
    store(folder, truth, turn=turn, signed=signed, intercept=intercept, syntax=syntax, names=names)
    volume = read(folder)
    np.testing.assert_array_equal(volume.hu, truth.hu)
    np.testing.assert_allclose(volume.origins, truth.origins, atol=1e-4)
    np.testing.assert_allclose(volume.orientation, truth.orientation, atol=1e-6)
    assert volume.pixel_spacing == spacing


def test_every_row_is_named_once():
    assert len({trap.id for trap in TRAPS}) == len(TRAPS)
    assert len({trap.trap for trap in TRAPS}) == len(TRAPS)


def test_page_in_the_documentation_is_the_table():
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert set(results["traps"]) == {trap.id for trap in TRAPS if trap.compare}
    assert PAGE.read_text(encoding="utf-8") == page(results), (
        "run experiments/other_readers.py (--page, where only words changed)"
    )
