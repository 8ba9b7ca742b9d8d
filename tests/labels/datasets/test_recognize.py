"""A file of another data set, or of none, is said by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.datasets.recognize import NAMES, check_column, check_set, zero_or_one

HEADERS = {
    "cq500": ["name", "Category", "R1:ICH", "R1:IPH"],
    "rsna-ich": ["ID", "Label"],
    "ct-ich": ["PatientNumber", "SliceNumber", "Intraventricular", "No_Hemorrhage"],
}
FILE = Path("labels.csv")


@pytest.mark.parametrize("wanted", NAMES)
@pytest.mark.parametrize("given", NAMES)
def test_a_header_is_taken_for_its_own_data_set_only(wanted: str, given: str):
    if wanted == given:
        check_set(HEADERS[given], wanted, FILE)
        return
    said = f"label file of {NAMES[given]}, not of {NAMES[wanted]}.*--from {given}"
    with pytest.raises(MolreError, match=said):
        check_set(HEADERS[given], wanted, FILE)


@pytest.mark.parametrize("wanted", NAMES)
def test_any_other_table_is_refused_with_what_is_wanted(wanted: str):
    with pytest.raises(MolreError, match=r"columns: study, skull_fracture\)\. Give .*with columns"):
        check_set(["study", "skull_fracture"], wanted, FILE)


def test_columns_are_found_whatever_their_case_and_a_missing_one_is_named():
    assert check_column(["name", "r1_ich"], "R1:ICH", FILE) == 1
    with pytest.raises(MolreError, match="has no column R2:ICH"):
        check_column(["name", "R1:ICH"], "R2:ICH", FILE)


def test_a_cell_is_0_or_1():
    assert [zero_or_one(v, "line 2", FILE) for v in ("0", "1", "0.0", "1.0")] == [0, 1, 0, 1]
    for value in ("", "2", "0.5", "yes", "-1"):
        with pytest.raises(MolreError, match=r"line 2: value .* is not 0 or 1"):
            zero_or_one(value, "line 2", FILE)
