from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.evaluation.evaluate import evaluate
from molre.evaluation.labels.agreement_file import read_agreement
from molre.evaluation.labels.of_run import adopt, measured_labels, strangers
from molre.runs.folder import RunFolder
from tests.helpers.evaluation.runs import FINDINGS, write_run
from tests.helpers.labels.measured import write_agreement

GOOD = {FINDINGS[0]: ((0.95, 0.9, 0.98), (0.97, 0.95, 0.99))}


def test_evaluating_again_without_a_word_gives_the_same(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    audit = write_agreement(tmp_path / "audit", GOOD)
    evaluate(run, draws=50, label_audit=audit)
    before = (run / "label_noise.parquet").read_bytes()
    (audit / "agreement.json").unlink()
    evaluate(run, draws=50)
    assert (run / "label_noise.parquet").read_bytes() == before


def test_a_run_without_an_audit_has_no_such_table_and_says_why(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    evaluation = evaluate(run, draws=50)
    assert measured_labels(RunFolder(run)) is None
    assert not (run / "label_noise.parquet").exists()
    assert "no audit of the labels" in evaluation.sections.missing["label_noise"]


def test_two_labelers_say_nothing_of_the_truth(tmp_path):
    audit = write_agreement(tmp_path / "audit", GOOD, two_labelers=True)
    with pytest.raises(MolreError, match="compares two labelers"):
        adopt(audit, RunFolder(write_run(tmp_path / "run")))
    assert not (tmp_path / "run/label_audit.json").exists()


def test_labelers_that_were_not_audited_are_named(tmp_path):
    measured = read_agreement(write_agreement(tmp_path, GOOD))
    assert strangers(measured, {"report-rules rules 1": 40, "reader AB": 3}) == ("reader AB",)
