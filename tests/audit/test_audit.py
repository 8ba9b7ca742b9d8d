"""An audit of a run: what it says of a whole one, a moved one, a leaking one, and of no run."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest

from molre.audit.audit import audit
from molre.audit.check import FAIL, FLAG, NOT_CHECKED, PASS
from molre.audit.flow import run_flow
from molre.audit.flow_chart import flow_chart
from molre.audit.headings import HEADINGS, NOT_REPORTED, headings
from molre.audit.run_under_audit import Opened
from molre.cohort.cohort import write_table
from molre.errors import MolreError
from tests.helpers.audit.called import call, files_of


def outcomes(done) -> dict[str, str]:
    return {check.name: check.outcome for check in done.checks}


def test_a_whole_run_passes_and_stays_as_it_is(trained, tmp_path):
    before = files_of(trained)
    said = call(str(trained / "run"), "-o", str(tmp_path / "out"))
    assert said.exit_code == 0, said.output
    assert files_of(trained) == before
    content = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {check["outcome"] for check in content["checks"]} == {PASS}
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "Synthetic" in page
    assert "<script" not in page
    assert "144 studies of 144 patients" in page  # flow counts all splits


def test_a_failure_is_exit_1_with_the_number_and_its_recomputed_value(run):
    metrics = pl.read_parquet(run / "metrics.parquet")
    higher = pl.when(pl.col("finding") == "macro").then(0.987).otherwise(pl.col("auc"))
    metrics.with_columns(auc=higher).write_parquet(run / "metrics.parquet")
    said = call(str(run))
    assert said.exit_code == 1
    assert "FAIL: metrics.parquet recomputed: 1 of" in said.output
    assert "macro auc is 0.987, recomputed" in said.output


def test_a_backbone_said_to_have_no_weights_is_found(run):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"from_scratch": True}, indent=2))
    assert outcomes(audit(run))["backbone of model.json from its weights"] == FAIL


def test_what_is_no_run_is_exit_2(tmp_path):
    assert isinstance(call(str(tmp_path)).exception, MolreError)
    assert isinstance(call(str(tmp_path / "absent")).exception, MolreError)


def test_without_its_cohort_a_run_is_checked_as_far_as_its_files_go(run):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"cohort": "/gone"}, indent=2))
    found = outcomes(audit(run))
    assert FAIL not in found.values()
    assert found["labels of predictions.parquet from the cohort's"] == NOT_CHECKED
    assert found["logits from the model and its embeddings"] == NOT_CHECKED
    assert found["metrics.parquet recomputed"] == PASS
    assert found["calibration and thresholds from the calibrate split"] == PASS


def test_a_moved_cohort_is_found_where_it_is_said_to_be(trained, run, tmp_path):
    moved = shutil.copytree(trained / "cohort", tmp_path / "moved")
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"cohort": "/gone"}, indent=2))
    assert set(outcomes(audit(run, cohort=moved)).values()) == {PASS}


def test_leakage_is_found_in_the_cohort(trained, run, tmp_path):
    """The same pixels in train and test fail; a shared accession number is flagged."""
    moved = shutil.copytree(trained / "cohort", tmp_path / "moved")
    scans = pl.read_parquet(moved / "scans.parquet")
    splits = dict(pl.read_csv(moved / "splits.csv").iter_rows())
    train = next(p for p in scans["patient"] if splits[p] == "train")
    test = next(p for p in scans["patient"] if splits[p] == "test")
    pixels = scans.filter(pl.col("patient") == train)["pixel_hash"][0]
    both = pl.col("patient").is_in([train, test])
    scans = scans.with_columns(
        pixel_hash=pl.when(pl.col("patient") == test).then(pl.lit(pixels)).otherwise("pixel_hash"),
        aliases=pl.when(both).then(pl.lit(["accession"])).otherwise(pl.col("aliases")),
    )
    write_table(moved / "scans.parquet", scans)
    found = outcomes(audit(run, cohort=moved))
    assert found["no equal pixels in two splits"] == FAIL
    assert found["no name (UID, accession, folder) shared by patients of two splits"] == FLAG


def test_a_patient_in_two_splits_fails(run):
    table = pl.read_parquet(run / "predictions.parquet")
    test = table.filter(pl.col("split") == "test")["patient"][0]
    tune = table.filter(pl.col("split") == "tune")["study"][0]
    moved = pl.when(pl.col("study") == tune).then(pl.lit(test)).otherwise(pl.col("patient"))
    table.with_columns(patient=moved).write_parquet(run / "predictions.parquet")
    assert audit(run).failed


def test_the_flow_is_drawn_from_the_run(trained):
    opened = Opened(trained / "run")
    list(opened.whole())
    drawn = flow_chart(run_flow(opened))
    for text in ("Eligible series: 144", "48 studies", "scored: 48 studies", "2 of 2 findings"):
        assert text in drawn


def test_headings_are_answered_by_files_that_are_there(trained, tmp_path):
    answered = headings(trained / "run")
    assert len(answered) == len(HEADINGS)
    for one, row in zip(HEADINGS, answered, strict=True):
        there = bool(one.file) and (trained / "run" / one.file).is_file()
        assert (row["where"] != NOT_REPORTED) == there
    assert {row["where"] for row in headings(tmp_path)} == {NOT_REPORTED}


@pytest.mark.parametrize("name", ["predictions.parquet", "history.parquet", "model/model.json"])
def test_a_damaged_file_is_a_failure_in_a_sentence(run, name):
    (run / name).write_bytes(b"PAR1 no more")
    done = audit(run)
    assert done.failed
    assert all("Traceback" not in check.found for check in done.checks)
