from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.keys import pseudonym
from molre.cohort.match import export_labels, match_labels
from molre.errors import MolreError
from molre.labels.findings import findings
from tests.helpers.cohort.cohorts import SALT, write_cohort

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
    assert (cohort / "unmatched.csv").read_text() == "side,id,hint\n"


@pytest.mark.parametrize(
    "name",
    ["folder of 1.2.4", "/data/x/folder of 1.2.4", "C:\\x\\folder of 1.2.4", " 1.2.4 ", "ACC 9"],
)
def test_a_study_goes_by_uid_accession_or_folder_on_any_system(tmp_path: Path, name: str):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    scans = pl.read_parquet(cohort / "scans.parquet")
    study, accession = pseudonym(SALT, "study", "1.2.4"), pseudonym(SALT, "study", "ACC 9")
    added = (
        pl.when(pl.col("study") == study)
        .then(pl.col("aliases").list.concat(pl.lit([accession])))
        .otherwise("aliases")
    )
    write_table(cohort / "scans.parquet", scans.with_columns(aliases=added))
    done = match_labels(cohort, labels(tmp_path, f"{name},1\n", "accession,skull_fracture"))
    assert done.matched == 1
    assert Cohort(cohort).labels()["study_id"].unique().to_list() == [study]


def test_an_identifier_is_not_in_the_labels(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {"1.2.840.99.77": "p1"})
    match_labels(cohort, labels(tmp_path, "1.2.840.99.77,1\n"))
    kept = pl.read_parquet(cohort / "labels.parquet")
    assert kept.columns == ["study_id", "finding", "state", "source", "labeller", "evidence"]
    assert "1.2.840.99.77" not in kept.write_csv()


def test_labels_are_closed_and_every_finding_has_a_row(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    match_labels(cohort, labels(tmp_path, "1.2.3,1\n1.2.4,0\n", "study,calvarial_fracture"))
    kept = Cohort(cohort).labels()
    assert kept.height == 2 * len(findings())
    of_parent = kept.filter(pl.col("finding") == "skull_fracture")["state"]
    assert sorted(of_parent) == ["not_mentioned", "present"]


def test_labels_of_a_synthetic_cohort_say_that_they_are_from_a_phantom(tmp_path: Path):
    cohort, table = write_cohort(tmp_path / "c", STUDIES), labels(tmp_path, "1.2.3,1\n")
    write_facts(cohort, synthetic=True)
    match_labels(cohort, table, labeller="generator 1")
    kept = Cohort(cohort).labels().select("source", "labeller").unique()
    assert kept.rows() == [("phantom", "generator 1")]
    match_labels(cohort, table, source="report-rules", overwrite=True)
    assert Cohort(cohort).labels()["source"].unique().to_list() == ["report-rules"]


def test_what_does_not_join_is_listed_from_both_sides(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    done = match_labels(cohort, labels(tmp_path, "1.2.3,1\n9.9.9,0\n"))
    assert str(cohort / "unmatched.csv") in done.as_text()
    assert json.loads(done.as_json()) == {
        "matched": 1,
        "rows_without_scan": 1,
        "scans_without_row": 2,
        "unmatched": str(cohort / "unmatched.csv"),
    }
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
    with pytest.raises(MolreError, match=r"'1\.2\.3' and 'folder of 1\.2\.3' name the same study"):
        match_labels(cohort, labels(tmp_path, "1.2.3,1\nfolder of 1.2.3,0\n"))
    assert not (cohort / "labels.parquet").exists()
    assert not (cohort / "unmatched.csv").exists()


def test_a_name_that_two_studies_share_is_refused(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    shared = [pseudonym(SALT, "study", "head")]
    scans = pl.read_parquet(cohort / "scans.parquet").with_columns(
        pl.lit(shared, dtype=pl.List(pl.String)).alias("aliases")
    )
    scans.write_parquet(cohort / "scans.parquet")
    with pytest.raises(MolreError, match="'head' is the name of 3 studies"):
        match_labels(cohort, labels(tmp_path, "head,1\n"))


def test_a_bad_table_leaves_the_cohort_as_it_was(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    before = sorted(p.name for p in cohort.iterdir())
    with pytest.raises(MolreError, match="value '7'"):
        match_labels(cohort, labels(tmp_path, "1.2.3,7\n"))
    assert sorted(p.name for p in cohort.iterdir()) == before


def test_damaged_labels_are_refused_with_the_remedy_that_works(tmp_path: Path):
    cohort, table = write_cohort(tmp_path / "c", STUDIES), labels(tmp_path, "1.2.3,1\n")
    (cohort / "labels.parquet").write_bytes(b"PAR1")
    with pytest.raises(MolreError, match=r"damaged.*--overwrite"):
        match_labels(cohort, table)
    assert match_labels(cohort, table, overwrite=True).matched == 1


def test_the_same_labels_again_are_fine_and_others_need_a_word(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    match_labels(cohort, labels(tmp_path, "1.2.3,1\n1.2.4,0\n"))
    match_labels(cohort, labels(tmp_path, "1.2.4,0\n1.2.3,1\n"))
    kept = (cohort / "labels.parquet").read_bytes()
    with pytest.raises(MolreError, match=r"different labels.*--overwrite"):
        match_labels(cohort, labels(tmp_path, "1.2.3,0\n"))
    assert (cohort / "labels.parquet").read_bytes() == kept
    match_labels(cohort, labels(tmp_path, "1.2.3,0\n"), overwrite=True)
    assert (cohort / "labels.parquet").read_bytes() != kept


def test_a_long_table_keeps_uncertainty_evidence_and_who_said_so(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    given = pl.DataFrame(
        {
            "study": ["1.2.3", "1.2.4", "9.9.9"],
            "finding": ["skull_fracture", "hydrocephalus", "skull_fracture"],
            "state": ["present", "uncertain", "absent"],
            "source": "report-llm",
            "labeller": "model 1",
            "evidence": ["fracture of the", "may be hydrocephalus", "none"],
        }
    )
    done = match_labels(cohort, given)
    assert (done.matched, done.rows_without_scan, done.scans_without_row) == (2, 1, 1)
    long = Cohort(cohort).labels()
    kept = long.filter(finding="hydrocephalus", study_id=pseudonym(SALT, "study", "1.2.4"))
    assert kept.select("state", "source", "labeller", "evidence").row(0) == (
        "uncertain", "report-llm", "model 1", "may be hydrocephalus",
    )  # fmt: skip
    with pytest.raises(MolreError, match="the label table: .*two rows for"):
        match_labels(cohort, pl.concat([given, given]))


def test_exported_labels_are_1_0_and_empty_and_match_again(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", STUDIES)
    rows = [("1.2.3", "skull_fracture", "present"), ("1.2.4", "hydrocephalus", "uncertain")]
    columns = ["study", "finding", "state"]
    match_labels(cohort, pl.DataFrame(rows, schema=columns, orient="row"))
    wide = tmp_path / "wide.csv"
    assert export_labels(str(cohort), str(wide)) == 2
    table = pl.read_csv(wide, schema_overrides={"study": pl.String})
    by_key = {r["study"]: r for r in table.to_dicts()}
    assert by_key[pseudonym(SALT, "study", "1.2.3")]["skull_fracture"] == 1
    assert by_key[pseudonym(SALT, "study", "1.2.4")]["hydrocephalus"] is None
    with pytest.raises(MolreError, match="already exists"):
        export_labels(cohort, wide)
    assert match_labels(cohort, wide, overwrite=True).matched == 2
    (tmp_path / "notes.csv").write_text("mine")
    for place, said in (
        ("notes.csv", "something else"),
        ("c", "is a folder"),
        ("notes.csv/x", "a file, not a f"),
    ):
        with pytest.raises(MolreError, match=said):
            export_labels(cohort, tmp_path / place, overwrite=True)
