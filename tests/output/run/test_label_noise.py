from __future__ import annotations

import json

import pytest

from molre.output.report_json import read_report
from molre.workflows.evaluate_run import evaluate_and_report
from tests.helpers.evaluation.runs import FINDINGS, write_run
from tests.helpers.labels.measured import write_agreement

SDH, SHIFT, FRACTURE = FINDINGS[:3]
RATES = {
    SDH: ((0.95, 0.9, 0.98), (0.97, 0.95, 0.99)),
    SHIFT: ((0.9, 0.8, 1.0), (0.9, 0.4, 1.0)),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("noise")
    path = write_run(place / "run", studies=80)
    sources = {"report-rules rules 1": 70, "reader AB": 10}
    (path / "data.json").write_text(json.dumps({"labels": {"sources": {"test": sources}}}))
    audit = write_agreement(place / "audit", RATES, grouped=False)
    evaluate_and_report(path, label_audit=audit)
    return path


def test_the_page_shows_what_is_corrected_and_what_cannot_be(run):
    text = " ".join((run / "report.html").read_text().split())
    assert "If the labels err" in text
    assert "Of 3 scored findings: 1 corrected, 1 not identified, 1 not measured" in text
    assert "all positive labels may be false ones" in text


def test_assumptions_stand_beside_it_in_words(run):
    text = " ".join((run / "report.html").read_text().split())
    assert "Whether a label is wrong depends on the truth alone" in text
    assert "It is a sensitivity analysis, not a result" in text


def test_what_the_audit_did_not_see_is_said(run):
    text = (run / "report.html").read_text()
    assert "also come from reader AB, which the audit did not look at" in text
    assert "The audit knew no patients" in text


def test_it_is_in_the_json_too(run):
    noise = read_report(run / "report.json").context["sections"]["label_noise"]
    assert noise["audited"] == ["report-rules rules 1 (90 studies)"]
    assert [row["corrected"] is None for row in noise["rows"]] == [False, True, True]


def test_an_auc_beyond_what_labels_allow_is_named(tmp_path):
    path = write_run(tmp_path / "run", studies=80, skill=4)
    poor = {SDH: ((0.7, 0.65, 0.75), (0.75, 0.7, 0.8))}
    evaluate_and_report(path, label_audit=write_agreement(tmp_path / "audit", poor))
    text = " ".join((path / "report.html").read_text().split())
    assert "not even perfect scores would reach the AUC" in text


def test_without_an_audit_the_page_says_how_to_get_one(tmp_path):
    evaluate_and_report(write_run(tmp_path / "run", studies=80))
    text = (tmp_path / "run/report.html").read_text()
    assert "Not shown: no audit of the labels was given" in text
