from __future__ import annotations

from dataclasses import replace

import pytest

from molre.evaluation.labels.agreement import NUMBERS, label_audit
from molre.output.label_audit.report import csv_rows, write_label_audit
from molre.output.report_json import read_report
from tests.evaluation.labels.test_agreement import NOTHING, cells_of

ABOUT = {"labelers": {"report-rules 1": 6}, "truth": {"reader AB": 6}, "two_labelers": False}
ABOUT |= {"first": "labels", "second": "truth"}
TWO = ABOUT | {"first": "A", "second": "B", "two_labelers": True}
PAIRS = [("present", "present"), ("absent", "absent"), ("uncertain", "absent")] * 2


def page(tmp_path, about, left=NOTHING, grouped=False, **more) -> str:
    cells = replace(cells_of(PAIRS, **more), left=left)
    write_label_audit(label_audit(cells, grouped=grouped, draws=50), about, tmp_path / "r.html")
    assert read_report(tmp_path / "r.json").rendered() == (tmp_path / "r.html").read_text()
    return " ".join((tmp_path / "r.html").read_text().split())


def test_it_says_what_the_numbers_mean(tmp_path):
    said = page(tmp_path, ABOUT)
    assert "<em>present</em> or <em>not present</em> (absent, or not mentioned)" in said
    assert "2 cells that labels or truth calls <em>uncertain</em> are apart" in said
    assert "Each report counts as independent" in said
    assert "report-rules 1 (6 studies)" in said


def test_two_labelers_have_no_sensitivity(tmp_path):
    said = page(tmp_path, TWO)
    assert "Neither table is taken as the truth" in said
    assert "Agreement on present" in said
    assert "Sensitivity" not in said
    assert "Accuracy" not in said


def test_what_was_not_compared_is_named(tmp_path):
    left = replace(NOTHING, only_first=1, only_second=2, findings_first=("skull_fracture",))
    said = page(tmp_path, ABOUT, replace(left, called=3, blank=4, unread=5))
    for words in (
        "1 study of labels not in truth",
        "2 studies of truth not in labels",
        "1 finding that only labels speaks of: Skull fracture",
        "3 cells that labels calls present, of findings that truth never names",
        "4 cells that a wide table leaves empty: unknown",
        "5 cells of the sample without a reading yet",
    ):
        assert words in said


def test_patients_are_said_where_they_are_known(tmp_path):
    said = page(tmp_path, ABOUT, grouped=True, patients=["p0", "p0", "p1", "p1", "p2", "p2"])
    assert "Intervals take the 3 patients" in said


def test_small_numbers_are_marked(tmp_path):
    assert "<small>few</small>" in page(tmp_path, ABOUT)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_table_has_every_number_with_its_interval(name):
    *findings, micro, macro = csv_rows(label_audit(cells_of(PAIRS), grouped=False, draws=50))
    assert [row["finding"] for row in (micro, macro)] == ["micro", "macro"]
    for row in (*findings, micro):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert set(macro) == set(micro)
