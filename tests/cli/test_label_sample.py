from __future__ import annotations

import pytest

from tests.helpers.labels.two_tables import write_long
from tests.helpers.system import molre

SHIFT = "midline_shift"
PLAN = (
    "finding,present,others,read_present,read_others,ppv_half_width,sensitivity_half_width,"
    "others_needed"
)


@pytest.fixture
def labels(tmp_path):
    rows = [(f"r{i:03d}", SHIFT, "present" if i % 3 == 0 else "absent") for i in range(90)]
    return write_long(tmp_path / "labels.csv", rows)


def test_it_says_what_it_drew_and_where_there_was_too_little(labels, tmp_path):
    plan = tmp_path / "plan.csv"
    said = molre(
        *("label-sample", labels, "-o", tmp_path / "s.csv", "--half-width", "0.1", "--plan", plan)
    )
    assert plan.read_text().splitlines()[0] == PLAN
    assert "if both are 0.9: PPV ±0.11 to ±0.11, sensitivity ±" in said.stdout
    assert "40 of 90 cells" in said.stdout
    assert "1 finding has fewer than 37 present cells" in said.stderr


def test_a_sheet_is_written_beside_it(labels, tmp_path):
    (tmp_path / "reports.csv").write_text(
        "id,text\n" + "".join(f"r{i:03d},Report {i}\n" for i in range(90))
    )
    sheet = tmp_path / "read.html"
    said = molre(
        *("label-sample", labels, "-o", tmp_path / "s.csv", "--present", "3", "--others", "2"),
        *("--reports", tmp_path / "reports.csv", "--sheet", sheet),
    )
    assert "5 questions, without the labels" in said.stdout
    assert '"answers": []' in sheet.read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--sheet", "x.html"), "--sheet and --reports go together"),
        (("--present", "3", "--half-width", "0.1"), "say the same"),
        (("--half-width", "0.7"), "cannot be planned for"),
        (("--expected", "0"), "not a share"),
    ],
)
def test_what_cannot_be_is_refused(labels, tmp_path, more, said):
    assert said in molre("label-sample", labels, "-o", tmp_path / "s.csv", *more, code=2).stderr
    assert not (tmp_path / "s.csv").exists()
