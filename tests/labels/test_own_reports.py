"""The sixty invented reports in ``tests/data/reports_own.jsonl``, labeled by hand before any
labeler had read them: their labels obey the findings table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from molre.labels.findings import findings
from molre.labels.hierarchy import PRESENT, UNKNOWN, close

TABLE = findings()
FILE = Path(__file__).parent.parent / "data" / "reports_own.jsonl"
REPORTS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def states(labels: dict[str, int]) -> np.ndarray:
    return np.array([[labels.get(finding, UNKNOWN) for finding in TABLE.ids]], dtype=np.int8)


def test_there_are_sixty_each_with_its_own_name_and_text():
    assert len(REPORTS) == 60
    assert len({report["id"] for report in REPORTS}) == 60
    assert len({report["text"] for report in REPORTS}) == 60


def test_they_name_only_findings_of_the_table_and_no_state_but_present_and_absent():
    for report in REPORTS:
        assert {*report["labels"], *report["uncertain"]} <= set(TABLE.ids), report["id"]
        assert set(report["labels"].values()) <= {0, 1}, report["id"]


def test_their_labels_are_closed_both_ways():
    for report in REPORTS:
        stated = states(report["labels"])
        assert np.array_equal(close(stated, TABLE), stated), report["id"]


def test_uncertain_findings_are_not_labeled_and_their_parents_are_present_or_uncertain():
    for report in REPORTS:
        for finding in report["uncertain"]:
            assert finding not in report["labels"], report["id"]
            for ancestor in TABLE.ancestors(finding):
                raised = report["labels"].get(ancestor) == PRESENT
                assert raised or ancestor in report["uncertain"], report["id"]


def test_every_finding_is_present_in_some_report():
    present = {f for report in REPORTS for f, state in report["labels"].items() if state == PRESENT}
    assert present == set(TABLE.ids)
