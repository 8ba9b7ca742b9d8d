from __future__ import annotations

import json

import pytest

from tests.helpers.labels.two_tables import write_long
from tests.helpers.system import molre

SHIFT = "midline_shift"


@pytest.fixture
def pair(tmp_path):
    rows = [(f"r{i}", SHIFT, "present" if i % 2 else "absent") for i in range(12)]
    first = write_long(tmp_path / "rules.csv", rows)
    return first, write_long(tmp_path / "truth.csv", [*rows[1:], ("r99", SHIFT, "absent")])


def test_it_says_how_good_the_labels_are_and_what_was_not_compared(pair, tmp_path):
    said = molre("label-audit", *pair, "-o", tmp_path / "out")
    assert "11 cells of 11 studies and 1 finding, each report on its own" in said.stdout
    assert "sensitivity 1.000 (0.54 to 1.00)" in said.stdout
    assert "1 of the studies of LABELS and 1 of TRUTH" in said.stderr


def test_two_labelers_agree_and_are_not_accurate(pair, tmp_path):
    said = molre("label-audit", *pair, "-o", tmp_path / "out", "--two-labelers").stdout
    assert "agreement 1.000" in said
    assert "accuracy" not in said


def test_numbers_come_as_json(pair, tmp_path):
    said = molre("label-audit", *pair, "-o", tmp_path / "out", "--json").stdout
    assert json.loads(said)["micro"]["n"] == 11
