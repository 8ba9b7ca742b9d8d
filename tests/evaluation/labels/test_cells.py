from __future__ import annotations

import polars as pl
import pytest

from molre.errors import MolreError
from molre.evaluation.labels.cells import ABSENT, NOT_MENTIONED, PRESENT, UNCERTAIN
from tests.helpers.labels.two_tables import compared, write_long

SHIFT, FRACTURE, MASS = "midline_shift", "skull_fracture", "mass_effect"


def test_cells_of_both_tables_are_put_side_by_side(tmp_path):
    first = write_long(tmp_path / "a.csv", [("r1", SHIFT, "present"), ("r2", SHIFT, "uncertain")])
    second = write_long(tmp_path / "b.csv", [("r2", SHIFT, "absent"), ("r1", SHIFT, "present")])
    cells = compared(first, second)
    assert cells.findings == (SHIFT,)
    assert list(cells.studies) == ["r1", "r2"]
    assert list(cells.first) == [PRESENT, UNCERTAIN]
    assert list(cells.second) == [PRESENT, ABSENT]


def test_a_cell_that_a_long_table_has_no_row_for_is_not_mentioned(tmp_path):
    first = write_long(tmp_path / "a.csv", [("r1", SHIFT, "present"), ("r2", SHIFT, "present")])
    second = write_long(tmp_path / "b.csv", [("r1", SHIFT, "absent"), ("r2", FRACTURE, "absent")])
    cells = compared(first, second)
    assert list(cells.second) == [ABSENT, NOT_MENTIONED]


def test_an_empty_cell_of_a_wide_table_is_unknown_and_counted(tmp_path):
    first = write_long(tmp_path / "a.csv", [("r1", SHIFT, "present"), ("r2", SHIFT, "present")])
    (tmp_path / "b.csv").write_text(f"study,{SHIFT}\nr1,1\nr2,\n")
    cells = compared(first, tmp_path / "b.csv")
    assert list(cells.studies) == ["r1"]
    assert cells.left.blank == 1


def test_what_the_hierarchy_says_of_columns_that_a_wide_table_lacks_is_no_reading(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("study,intracranial_hemorrhage\nr1,0\nr2,1\n")
    cells = compared(tmp_path / "a.csv", tmp_path / "b.csv")
    assert cells.findings == ("intracranial_hemorrhage",)
    assert len(cells.first) == 2


def test_what_only_one_has_is_counted(tmp_path):
    first = [("r1", SHIFT, "absent"), ("r1", FRACTURE, "present"), ("r0", SHIFT, "present")]
    second = [("r1", SHIFT, "absent"), ("r8", SHIFT, "absent"), ("r9", SHIFT, "absent")]
    one, other = write_long(tmp_path / "a.csv", first), write_long(tmp_path / "b.csv", second)
    left = compared(one, other).left
    assert (left.only_first, left.only_second) == (1, 2)
    assert (left.findings_first, left.findings_second) == ((FRACTURE,), ())
    assert left.called == 1


def test_findings_that_one_never_names_count_where_they_are_asked_for(tmp_path):
    first = write_long(tmp_path / "a.csv", [("r1", SHIFT, "absent"), ("r1", FRACTURE, "present")])
    second = write_long(tmp_path / "b.csv", [("r1", SHIFT, "absent")])
    cells = compared(first, second, every_finding=True)
    assert set(cells.findings) == {SHIFT, FRACTURE}
    assert cells.left.called == 0
    assert cells.second[list(cells.finding).index(cells.findings.index(FRACTURE))] == NOT_MENTIONED


def test_a_study_without_a_patient_is_one_by_itself_and_counted(tmp_path):
    rows = [(f"r{i}", SHIFT, "absent") for i in range(4)]
    one, other = write_long(tmp_path / "a.csv", rows), write_long(tmp_path / "b.csv", rows)
    cells = compared(one, other, patients={"r0": "p", "r1": "p", "r2": "r3"})
    assert (cells.shared, cells.clusters, cells.no_patient) == (4, 3, 1)


def test_of_a_sample_only_what_was_read_counts(tmp_path):
    rows = [(f"r{i}", SHIFT, "absent") for i in range(6)]
    one, other = write_long(tmp_path / "a.csv", rows), write_long(tmp_path / "b.csv", rows[:2])
    drawn = {"id": ["r0", "r1", "r2"], "finding": [SHIFT] * 3, "stratum": ["s"] * 3}
    cells = compared(one, other, sample=pl.DataFrame(drawn | {"weight": [2.0] * 3}))
    assert list(cells.studies) == ["r0", "r1"]
    assert cells.sizes == {"s": 6}
    assert cells.left.unread == 1


def test_a_sample_of_other_labels_is_refused(tmp_path):
    rows = [("r0", SHIFT, "absent"), ("r1", SHIFT, "present")]
    one, other = write_long(tmp_path / "a.csv", rows), write_long(tmp_path / "b.csv", rows)
    drawn = {"id": ["r0", "r1"], "finding": [SHIFT] * 2, "stratum": ["s"] * 2, "weight": [1.0] * 2}
    with pytest.raises(MolreError, match="drawn from other labels"):
        compared(one, other, sample=pl.DataFrame(drawn))


@pytest.mark.parametrize(
    ("rows", "said"),
    [([("r9", SHIFT, "absent")], "share no study"), ([("r1", MASS, "absent")], "share no finding")],
)
def test_nothing_in_common_is_refused(tmp_path, rows, said):
    first = write_long(tmp_path / "a.csv", [("r1", SHIFT, "absent")])
    with pytest.raises(MolreError, match=said):
        compared(first, write_long(tmp_path / "b.csv", rows))
