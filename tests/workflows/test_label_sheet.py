from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.workflows.label_audit import Tables, audit_labels
from molre.workflows.label_sheet import check_sheet
from tests.helpers.labels.two_tables import write_long
from tests.output.label_audit.test_sheet import data

SHIFT, MASS = "midline_shift", "mass_effect"


@pytest.fixture
def tables(tmp_path) -> Tables:
    first = [("r1", SHIFT, "present"), ("r2", SHIFT, "absent"), ("r3", SHIFT, "uncertain")]
    second = [("r1", SHIFT, "absent"), ("r2", SHIFT, "not_mentioned"), ("r3", SHIFT, "present")]
    (tmp_path / "reports.csv").write_text("id,text\nr1,A midline shift\nr2,Nothing\n")
    return Tables(
        write_long(tmp_path / "a.csv", first),
        write_long(tmp_path / "b.csv", second),
        two_labelers=True,
        reports=tmp_path / "reports.csv",
        sheet=tmp_path / "sheet.html",
    )


def test_it_asks_what_matters_and_counts_the_rest(tables, tmp_path):
    audit_labels(tables, tmp_path / "out")
    page = tables.sheet.read_text()
    (item,) = data(page)["items"]
    assert (item["study"], item["finding"]) == ("r1", SHIFT)
    assert {(a["side"], a["state"]) for a in item["answers"]} == {(0, "present"), (1, "absent")}
    assert item["answers"][0]["found"] == [2, 15]
    assert "1 cells that one table calls absent and the other does not mention" in page
    assert "1 cells are not asked: their report is not in the table" in page


def test_no_report_is_written_anywhere_else(tables, tmp_path):
    audit_labels(tables, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert "A midline shift" not in path.read_text()


def test_a_sheet_in_the_way_is_refused_before_anything_is_written(tables, tmp_path):
    tables.sheet.write_text("mine")
    with pytest.raises(MolreError, match="already exists"):
        audit_labels(tables, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    for bad, said in ((tmp_path, "is a folder"), (tmp_path / "s.csv", "not the name of a page")):
        with pytest.raises(MolreError, match=said):
            check_sheet(bad, overwrite=True)


def test_reports_of_other_studies_are_refused(tables, tmp_path):
    tables.reports.write_text("id,text\nr8,Other\n")
    with pytest.raises(MolreError, match="no report is of a study"):
        audit_labels(tables, tmp_path / "out")
