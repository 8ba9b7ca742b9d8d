"""What an external cohort may be scored on, and what of it the model has seen."""

from __future__ import annotations

import polars as pl
import pytest

from molre.errors import MolreError
from molre.evaluation.external import mapped_findings, overlap, refuse_overlap


def scans(keys: list[str], **columns: list[str]) -> pl.DataFrame:
    plain = {name: keys for name in ("study", "patient", "content_hash", "pixel_hash")}
    return pl.DataFrame(plain | columns)


SEEN = pl.DataFrame(
    {
        "study": ["a", "b", "c"],
        "patient": ["a", "b", "c"],
        "split": ["train", "calibrate", "test"],
        "content_hash": ["a", "b", "c"],
    }
)


def test_training_and_calibrate_scans_count_and_test_scans_do_not():
    found = overlap(scans(["a", "b", "c", "d"]), SEEN, None, same_salt=True)
    assert found.studies == ("a", "b")
    assert (found.same_scan, found.same_study, found.same_patient) == (2, 2, 2)


def test_equal_pixels_are_found_under_other_names_and_geometry():
    renamed = scans(["x", "y"], content_hash=["a", "q"], pixel_hash=["p", "b"])
    alone = overlap(renamed, SEEN, None, same_salt=False)
    assert alone.studies == ("x",)
    with_cohort = overlap(renamed, SEEN, scans(["a", "b", "c"]), same_salt=False)
    assert with_cohort.studies == ("x", "y")
    assert "different salts" in with_cohort.compared


def test_another_scan_of_a_training_patient_counts():
    later = scans(["x"], patient=["a"])
    found = overlap(later, SEEN, None, same_salt=True)
    assert (found.studies, found.same_scan, found.same_patient) == (("x",), 0, 1)


def test_what_cannot_be_compared_is_said():
    assert "not known" in overlap(scans(["a"]), None, None, same_salt=False).compared


def test_overlap_is_refused_with_the_counts():
    found = overlap(scans(["a", "b"]), SEEN, None, same_salt=True)
    with pytest.raises(MolreError) as refused:
        refuse_overlap(found, "ext")
    assert "2 of its studies were in the model's making" in refused.value.message
    assert "--leave-out-overlap" in refused.value.message
    refuse_overlap(overlap(scans(["d"]), SEEN, None, same_salt=True), "ext")


def labels(*rows: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["study_id", "finding", "state"], orient="row")


def test_only_findings_that_the_labels_state_are_scored_in_the_models_order():
    table = labels(
        ("s1", "b", "absent"),
        ("s1", "c", "not_mentioned"),
        ("s2", "a", "present"),
        ("s9", "d", "present"),  # of a study that is not scored
        ("s1", "other", "present"),
    )
    assert mapped_findings(table, ["a", "b", "c", "d"], ["s1", "s2"]) == ("a", "b")
    with pytest.raises(MolreError, match="none of the model's findings"):
        mapped_findings(table, ["c", "d"], ["s1"])
