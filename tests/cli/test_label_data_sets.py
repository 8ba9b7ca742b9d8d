"""``molre label --from``: what is said, written and refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from molre.cli.main import app
from molre.errors import MolreError
from tests.helpers.cohort.cohorts import write_cohort
from tests.helpers.labels.published import write_reads


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    path = tmp_path / "reads.csv"
    some = {"ICH", "EDH"}
    write_reads(path, {"CQ500-CT-7": (some, some, set()), "CQ500-CT-8": (set(),) * 3})
    return path


def said(*arguments: object) -> str:
    run = CliRunner().invoke(app, ["label", *map(str, arguments)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.stdout


def test_labels_are_written_and_taken_again(reads: Path, tmp_path: Path):
    out, cohort = tmp_path / "l.parquet", write_cohort(tmp_path / "c", {"1.2": "CQ500-CT-7"})
    text = said(reads, "--from", "cq500", "-o", out)
    assert text.startswith("2 studies, 10 findings: 2 present, 18 absent, 0 uncertain\nnote: ")
    again = json.loads(said(out, "--cohort", cohort, "--json"))
    at_once = json.loads(said(reads, "--from", "cq500", "--cohort", cohort, "--json"))
    assert again == at_once
    assert (again["matched"], again["rows_without_scan"]) == (1, 1)


def test_each_reader_alone_and_how_far_they_agree(reads: Path, tmp_path: Path):
    out = tmp_path / "agreement.csv"
    text = said(reads, "--from", "cq500", "--agreement", out)
    assert "Fleiss' kappa of the three readers" in text
    assert pl.read_csv(out)["positive_1"].sum() == 2
    text = said(reads, "--from", "cq500", "--reader", 3, "-o", tmp_path / "third.parquet")
    assert text.startswith("2 studies, 10 findings: 0 present, 20 absent")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "cq500"), "nowhere to put the labels. Add -o LABELS.parquet or --cohort"),
        (("--from", "cq500", "-o", "l", "--source", "me"), "--source does not go with --from"),
        (("--from", "ct-ich", "--agreement", "a"), "--agreement is of CQ500's three readers"),
        (("--from", "cq", "-o", "l"), "unknown data set 'cq'"),
        (("-o", "l"), "--out is given, but no engine and no data set"),
        (("--reader", "1", "--cohort", "c"), "--reader is given, but no data set"),
        ((), "no cohort is given. Add --cohort COHORT"),
    ],
)
def test_what_does_not_go_together_is_one_sentence_and_nothing_is_written(
    reads: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], words: str
):
    monkeypatch.chdir(reads.parent)
    with pytest.raises(MolreError, match=words):
        said(reads, *options)
    assert [path.name for path in reads.parent.iterdir()] == ["reads.csv"]


def test_a_data_set_without_its_file_is_one_sentence():
    with pytest.raises(MolreError, match="no label file is given"):
        said("--from", "cq500", "--cohort", "c")


def test_nothing_is_written_where_one_of_the_files_is_there(reads: Path, tmp_path: Path):
    (tmp_path / "agreement.csv").write_text("mine")
    options = ("--from", "cq500", "-o", tmp_path / "l.parquet")
    with pytest.raises(MolreError, match="agreement.csv: already exists. Add --overwrite"):
        said(reads, *options, "--agreement", tmp_path / "agreement.csv")
    assert not (tmp_path / "l.parquet").exists()
    assert (tmp_path / "agreement.csv").read_text() == "mine"
