"""An audit of a run that was told how often its labels are wrong: clean, and it finds a forgery."""

from __future__ import annotations

import json

import polars as pl
import pytest

from molre.audit.audit import audit
from molre.audit.check import FAIL
from molre.workflows.evaluate_run import evaluate_and_report
from tests.audit.test_audit import outcomes
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
