from __future__ import annotations

from molre.labels.reports.cell import Cell


def test_evidence_is_what_the_report_says_on_one_line() -> None:
    text = "FINDINGS: acute subdural\n   hematoma on the left."
    start = text.index("acute")
    cell = Cell("subdural_hemorrhage", "present", start, text.index(" on the"))
    assert cell.evidence(text) == "acute subdural hematoma"
