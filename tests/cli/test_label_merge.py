from __future__ import annotations

from tests.helpers.labels.two_tables import write_long
from tests.helpers.system import molre

ANY, ACUTE = "intracranial_hemorrhage", "acute_subdural_hemorrhage"
SHIFT = "midline_shift"


def test_it_says_what_became_of_the_decisions(tmp_path):
    labels = write_long(tmp_path / "labels.csv", [("r1", ACUTE, "present")])
    told = [("r1", SHIFT, "absent"), ("r1", ANY, "uncertain"), ("r7", ANY, "absent")]
    decisions = write_long(tmp_path / "decisions.csv", told, "reader")
    said = molre("label-merge", labels, decisions, "-o", tmp_path / "merged.csv")
    assert "1 cells decided by a reader, 1 of them otherwise" in said.stdout
    assert "1 decisions were kept out" in said.stderr
    assert "1 decisions are of studies that the labels lack" in said.stderr
