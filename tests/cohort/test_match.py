from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from cohorts import SALT, write_cohort

from molre.cohort.keys import pseudonym
from molre.cohort.match import match_labels
from molre.errors import MolreError

STUDIES = {"1.2.3": "p1", "1.2.4": "p2", "1.2.5": "p3"}


def labels(folder: Path, rows: str, header: str = "study,skull_fracture") -> Path:
    path = folder / "reads.csv"
    path.write_text(f"{header}\n{rows}", encoding="utf-8")
    return path


def test_rows_find_their_studies_by_uid_folder_path_or_key(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    key = pseudonym(SALT, "study", "1.2.5")
    rows = f"1.2.3,1\n/data/head/folder of 1.2.4/,0\n{key},1\n"
    done = match_labels(cohort, labels(tmp_path, rows))
    assert (done.matched, done.rows_without_scan, done.scans_without_row) == (3, 0, 0)
    long = pl.read_parquet(cohort / "labels.parquet")
    fracture = long.filter(pl.col("finding") == "skull_fracture")
    assert sorted(fracture["state"]) == ["absent", "present", "present"]
    assert set(long["study_id"]) == {pseudonym(SALT, "study", s) for s in STUDIES}
    assert set(long["source"]) == {"reader"}
    assert (cohort / "unmatched.csv").read_text() == "side,id\n"


def test_what_does_not_join_is_listed_from_both_sides(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    done = match_labels(cohort, labels(tmp_path, "1.2.3,1\n9.9.9,0\n"))
    assert "unmatched.csv" in done.as_text()
    unmatched = pl.read_csv(cohort / "unmatched.csv", infer_schema=False)
    assert dict(unmatched["side"].value_counts().iter_rows()) == {
        "label row without scan": 1,
        "scan without label row": 2,
    }
    assert "9.9.9" in unmatched["id"].to_list()


def test_labels_of_other_scans_are_refused_and_nothing_is_written(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    before = sorted(p.name for p in cohort.iterdir())
    with pytest.raises(MolreError, match="none of its 2 rows") as refused:
        match_labels(cohort, labels(tmp_path, "9.9.8,1\n9.9.9,0\n"))
    assert refused.value.exit_code == 2
    assert sorted(p.name for p in cohort.iterdir()) == before


def test_two_rows_for_one_study_are_refused(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    with pytest.raises(MolreError, match="name the same study"):
        match_labels(cohort, labels(tmp_path, "1.2.3,1\nfolder of 1.2.3,0\n"))


def test_a_name_that_two_studies_share_is_refused(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    shared = [pseudonym(SALT, "study", "head")]
    scans = pl.read_parquet(cohort / "scans.parquet").with_columns(
        pl.lit(shared, dtype=pl.List(pl.String)).alias("aliases")
    )
    scans.write_parquet(cohort / "scans.parquet")
    with pytest.raises(MolreError, match="'head' is the name of 3 studies"):
        match_labels(cohort, labels(tmp_path, "head,1\n"))


def test_the_same_labels_again_are_fine_and_others_need_a_word(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    match_labels(cohort, labels(tmp_path, "1.2.3,1\n1.2.4,0\n"))
    match_labels(cohort, labels(tmp_path, "1.2.4,0\n1.2.3,1\n"))
    kept = (cohort / "labels.parquet").read_bytes()
    with pytest.raises(MolreError, match=r"other labels.*--overwrite"):
        match_labels(cohort, labels(tmp_path, "1.2.3,0\n"))
    assert (cohort / "labels.parquet").read_bytes() == kept
    match_labels(cohort, labels(tmp_path, "1.2.3,0\n"), overwrite=True)
    assert (cohort / "labels.parquet").read_bytes() != kept
