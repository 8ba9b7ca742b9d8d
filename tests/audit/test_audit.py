"""An audit of a run: what it says of a whole one, a moved one, a leaking one, and of no run."""

from __future__ import annotations

import json
import shutil

import polars as pl

from molre.audit.audit import audit
from molre.audit.check import FAIL, NOT_CHECKED, PASS
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
