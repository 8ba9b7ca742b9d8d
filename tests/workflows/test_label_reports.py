"""Reports to labels: each row ends as labels or among the rejects, and joins its own study."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from molre.cli.main import app
from molre.cohort.cohort import Cohort
from molre.cohort.rejects import read_rejects
from molre.errors import MolreError
from molre.workflows.label_reports import label_reports, rejects_of, write_labeled
from tests.helpers.cohort.cohorts import write_cohort

GERMAN = "Kein Nachweis einer Blutung. Das Ventrikelsystem ist nicht erweitert und normal."


def table(path: Path, rows: list[tuple[str, str]]) -> Path:
    pl.DataFrame(rows, schema=["accession", "report"], orient="row").write_csv(path)
    return path


def states(long: pl.DataFrame, study: str) -> dict[str, str]:
    own = long.filter(pl.col(long.columns[0]) == study)
    return dict(zip(own["finding"], own["state"], strict=True))


def test_every_row_ends_as_labels_or_as_a_reject(tmp_path: Path) -> None:
    rows = [("1", "No hemorrhage."), ("2", ""), ("", "Atrophy."), ("3", GERMAN), ("4", "Normal.")]
    done = label_reports(table(tmp_path / "r.csv", rows))
    assert set(done.long["accession"]) == {"1", "4"}
    assert done.studies == 2
    assert sorted(r.reason.split(",")[0] for r in done.rejects) == [
        "the report is empty", "the report is not in English", "the row names no study",
    ]  # fmt: skip
    assert not any("Blutung" in str(reject) for reject in done.rejects)


def test_an_addendum_in_a_row_of_its_own_is_read_with_its_report(tmp_path: Path) -> None:
    rows = [("1", "IMPRESSION: No fracture."), ("1", "ADDENDUM: There is a skull fracture.")]
    done = label_reports(table(tmp_path / "r.csv", rows))
    assert states(done.long, "1")["skull_fracture"] == "present"
    assert done.long.filter(pl.col("finding") == "skull_fracture")["evidence"].item().endswith(
        "[addendum]"
    )  # fmt: skip


def test_the_evidence_holds_what_denies(tmp_path: Path) -> None:
    done = label_reports(table(tmp_path / "r.csv", [("1", "No midline shift is seen.")]))
    assert "No midline shift is seen" in done.long["evidence"].to_list()


def test_shards_together_are_the_whole(tmp_path: Path) -> None:
    path = table(tmp_path / "r.csv", [(str(i), "No hemorrhage.") for i in range(7)])
    parts = [label_reports(path, shard=(i, 3)).long for i in (1, 2, 3)]
    assert pl.concat(parts).sort(pl.all()).equals(label_reports(path).long.sort(pl.all()))


def test_files_are_whole_and_beside_each_other(tmp_path: Path) -> None:
    done = label_reports(table(tmp_path / "r.csv", [("1", "No bleed."), ("2", "")]))
    rejects = write_labeled(done, tmp_path / "labels.parquet")
    assert pl.read_parquet(tmp_path / "labels.parquet").equals(done.long)
    assert rejects == rejects_of(tmp_path / "labels.parquet")
    assert [row["file"] for row in read_rejects(rejects)] == ["r.csv line 3"]


def test_no_report_that_could_be_labeled_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MolreError, match="no report could be labeled"):
        label_reports(table(tmp_path / "r.csv", [("1", GERMAN)]))


def test_an_unknown_engine_is_named(tmp_path: Path) -> None:
    with pytest.raises(MolreError, match="unknown engine 'oracle'"):
        label_reports(table(tmp_path / "r.csv", [("1", "No bleed.")]), "oracle")


def test_reports_become_a_cohorts_labels_in_one_command(tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "cohort", {"1.2.3": "7", "1.2.4": "8"})
    reports = tmp_path / "reports.csv"
    reports.write_text('study,text\n1.2.3,"No bleed. Old infarct."\n9.9,Atrophy.\n1.2.4,\n')
    arguments = ["label", reports, "--engine", "rules", "--cohort", cohort]
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    labels = Cohort(cohort).labels()
    present = labels.filter(pl.col("state") == "present")
    assert set(present["finding"]) == {"chronic_infarct", "ischemic_infarct"}
    assert set(labels["source"]) == {"report-rules"}
    assert (cohort / "unmatched.csv").read_text().count("9.9")
    assert len(read_rejects(cohort / "labels.rejects.csv")) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "rules"], "nowhere to put the labels"),
        (["-o", "l.parquet"], "--out is given, but no engine"),
        (["--text-column", "x"], "no engine"),
    ],
)
def test_an_incomplete_command_says_what_is_missing(
    tmp_path: Path, options: list[str], message: str
) -> None:
    path = table(tmp_path / "r.csv", [("1", "No bleed.")])
    with pytest.raises(MolreError, match=message):
        CliRunner().invoke(app, ["label", str(path), *options], catch_exceptions=False)
