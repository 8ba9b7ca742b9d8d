"""An audit of a run that was told how often its labels are wrong: clean, and it finds a forgery."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest

from molre.audit.audit import audit
from molre.audit.check import FAIL
from molre.cohort.cohort import write_table
from molre.training.train import train
from molre.workflows.evaluate_run import evaluate_and_report
from tests.audit.test_audit import outcomes
from tests.helpers.audit.scanned import CONFIG
from tests.helpers.labels.measured import write_agreement

GOOD = (0.95, 0.9, 0.98), (0.97, 0.95, 0.99)
TABLE = "label_noise.parquet recomputed"


@pytest.fixture
def told(run, tmp_path):
    findings = json.loads((run / "manifest.json").read_text())["findings"]
    given = write_agreement(tmp_path / "labels", dict.fromkeys(findings, GOOD))
    evaluate_and_report(run, label_audit=given)
    return run


def test_it_passes(told):
    found = outcomes(audit(told, reread=0))
    assert found[TABLE] == "PASS"
    assert FAIL not in found.values()
    assert "FLAG" not in found.values()


def test_a_better_number_or_better_rates_are_found(told):
    table = pl.read_parquet(told / "label_noise.parquet")
    table.with_columns(corrected=0.99).write_parquet(told / "label_noise.parquet")
    assert outcomes(audit(told, reread=0))[TABLE] == FAIL
    evaluate_and_report(told)
    rates = json.loads((told / "label_audit.json").read_text())
    rates["findings"][0]["sensitivity"]["value"] = 0.91
    (told / "label_audit.json").write_text(json.dumps(rates))
    assert outcomes(audit(told, reread=0))[TABLE] == FAIL


def test_a_run_on_the_labels_of_one_source_shows_the_mixture_and_passes(trained, tmp_path):
    cohort = shutil.copytree(trained / "cohort", tmp_path / "cohort")
    labels = pl.read_parquet(cohort / "labels.parquet")
    some = pl.col("study_id").is_in(labels["study_id"].unique().sort()[:10].to_list())
    source = pl.when(some).then(pl.lit("report-x")).otherwise(pl.col("source"))
    write_table(cohort / "labels.parquet", labels.with_columns(source=source))
    config = CONFIG.model_copy(update={"label_sources": ("phantom",), "max_epochs": 2})
    run = train(cohort, tmp_path / "run", config)
    evaluate_and_report(run)
    found = outcomes(audit(run, reread=0))
    assert FAIL not in found.values()
    counts = json.loads((run / "data.json").read_text())["labels"]
    assert all("report-x" not in told for told in counts["sources"].values())
    assert sum(told.get("report-x", 0) for told in counts["masked_sources"].values()) == 10
    card = (run / "model/README.md").read_text()
    assert "Only labels of phantom count; those of other sources are masked." in card
    assert "only those of phantom count" in (run / "report.html").read_text()
