"""Tables of another shape are refused by name, with what to make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.other_tables import refuse_long


@pytest.mark.parametrize(
    ("header", "cells", "said"),
    [
        (["ID", "Label"], [["ID_12345_any", "0"], ["ID_12345_subdural", "1"]], "RSNA hemorrhage"),
        (
            ["study", "name", "value"],
            [["A", "skull_fracture", "1"], ["A", "hydrocephalus", "0"]],
            "'name' holds findings.*study, finding and state",
        ),
    ],
)
def test_a_row_for_each_slice_or_finding_is_refused(header, cells, said: str) -> None:
    rows = list(enumerate(cells, 2))
    with pytest.raises(MolreError, match=said):
        refuse_long(Path("t.csv"), header, rows, findings())


def test_a_wide_table_is_left_alone() -> None:
    refuse_long(Path("t.csv"), ["study", "skull_fracture"], [(2, ["A", "1"])], findings())
