from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.long_table import STATES, from_long
from molre.labels.merge import FOLLOWS, merge_decisions
from molre.labels.policy import targets

ANY, SDH, ACUTE = "intracranial_hemorrhage", "subdural_hemorrhage", "acute_subdural_hemorrhage"
SHIFT = "midline_shift"
SOME = (ANY, SDH, ACUTE, SHIFT)


def machine(*rows: tuple[str, str, str]) -> pl.DataFrame:
    given_rows = pl.DataFrame(rows, schema=["id", "finding", "state"], orient="row")
    return from_long(given_rows, findings(), source="report-rules", labeller="rules 1")[1]


def decided(*rows: tuple[str, str, str]) -> pl.DataFrame:
    told = pl.DataFrame(rows, schema=["id", "finding", "state"], orient="row")
    return told.with_columns(labeller=pl.lit("AB"))


def cell(merged: pl.DataFrame, finding: str, study: str = "r1") -> tuple[str, str, str]:
    row = merged.filter(id=study, finding=finding)
    return row["state"].item(), row["source"].item(), row["labeller"].item()


def test_the_reader_s_word_counts_and_says_whose_it_is():
    found = merge_decisions(
        machine(("r1", SHIFT, "present")), decided(("r1", SHIFT, "absent")), findings()
    )
    assert cell(found.labels, SHIFT) == ("absent", "reader", "AB")
    assert cell(found.labels, "mass_effect")[1:] == ("report-rules", "rules 1")
    assert (found.decided, found.changed) == (1, 1)


def test_what_is_above_a_present_finding_follows_against_the_machine():
    found = merge_decisions(
        machine(("r1", ANY, "absent")), decided(("r1", ACUTE, "present")), findings()
    )
    for finding in (ACUTE, SDH, ANY):
        assert cell(found.labels, finding) == ("present", "reader", "AB")
    assert found.labels.filter(finding=ANY)["evidence"].item() == FOLLOWS
    assert found.followed >= 2


def test_what_is_below_an_absent_finding_follows_too():
    found = merge_decisions(
        machine(("r1", ACUTE, "present")), decided(("r1", SDH, "absent")), findings()
    )
    assert cell(found.labels, ACUTE) == ("absent", "reader", "AB")
    assert cell(found.labels, ANY)[:2] == ("present", "report-rules")


def test_a_doubt_that_the_hierarchy_settles_is_kept_out_and_counted():
    found = merge_decisions(
        machine(("r1", ACUTE, "present")), decided(("r1", SDH, "uncertain")), findings()
    )
    assert cell(found.labels, SDH)[:2] == ("present", "report-rules")
    assert (found.decided, found.overruled) == (0, 1)


def test_decisions_of_other_studies_are_counted():
    found = merge_decisions(
        machine(("r1", SHIFT, "present")),
        decided(("r1", SHIFT, "present"), ("r7", SHIFT, "absent")),
        findings(),
    )
    assert (found.decided, found.changed, found.strangers) == (1, 0, 1)


def test_a_reader_who_contradicts_himself_is_told():
    told = decided(("r1", ACUTE, "present"), ("r1", ANY, "absent"))
    with pytest.raises(MolreError, match="is 1 but the broader"):
        merge_decisions(machine(("r1", SHIFT, "absent")), told, findings(), "decisions.csv")


CELL = st.dictionaries(st.sampled_from(SOME), st.sampled_from(STATES), min_size=1)


@settings(max_examples=60)
@given(CELL, CELL)
def test_merged_labels_are_labels_and_merging_again_changes_nothing(first, second):
    try:
        labels = machine(*(("r1", f, s) for f, s in first.items()))
        told = decided(*(("r1", f, s) for f, s in second.items()))
        merged = merge_decisions(labels, told, findings())
    except MolreError:
        return  # one of the two contradicts itself
    again = from_long(merged.labels, findings())[1]
    assert again.equals(merged.labels)
    assert merge_decisions(merged.labels, told, findings()).labels.equals(merged.labels)
    assert merged.decided + merged.overruled == len(second)


def test_a_silent_report_stays_a_blank_of_a_report():
    """Else a reader who confirms that nothing is said would turn an absent label into none."""
    found = merge_decisions(
        machine(("r1", SHIFT, "present")), decided(("r1", SHIFT, "not_mentioned")), findings()
    )
    assert cell(found.labels, SHIFT) == ("not_mentioned", "report-reader", "AB")
    known = targets(found.labels.rename({"id": "study_id"}), ["r1"], findings())
    assert known[0, findings().ids.index(SHIFT)] == 0
