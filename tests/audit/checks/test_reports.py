"""What evaluating wrote, against the same evaluated again; also before there was report.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.audit.check import FAIL, NOT_CHECKED, PASS
from molre.audit.checks.reports import (
    CARD,
    against,
    evaluated,
    evaluated_again,
    was_evaluated,
)
from molre.audit.report_differences import RENDERED
from molre.audit.run_under_audit import RunUnderAudit
from molre.evaluation.evaluate import evaluate
from molre.runs.folder import FURTHER_TABLES
from molre.training.train import train
from tests.helpers.audit.scanned import CONFIG


@pytest.fixture(scope="module")
def scratch(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    opened = RunUnderAudit(trained / "run")
    list(opened.whole())
    return evaluated_again(opened, tmp_path_factory.mktemp("scratch"))


def outcomes(run: Path, scratch: Path) -> dict[str, str]:
    return {check.name: check.outcome for check in against(run, scratch, with_cohort=True)}


def test_a_run_evaluated_before_report_json_has_its_tables_checked(run: Path, scratch: Path):
    (run / "report.json").unlink()
    found = outcomes(run, scratch)
    odd = {name: outcome for name, outcome in found.items() if outcome != PASS}
    assert odd == {"report.json recomputed": NOT_CHECKED, CARD: NOT_CHECKED}
    (run / "metrics.parquet").unlink()
    assert outcomes(run, scratch)["metrics.parquet recomputed"] == FAIL


def test_page_and_data_have_to_be_there_where_the_card_has_results(run: Path, scratch: Path):
    for name in ("report.html", "report.json"):
        (run / name).unlink()
    assert outcomes(run, scratch)[RENDERED] == FAIL
    (run / "model" / "README.md").unlink()
    assert outcomes(run, scratch)[CARD] == FAIL


def test_a_run_evaluated_from_python_alone_has_no_page_and_does_not_fail(tmp_path, trained):
    run = train(trained / "cohort", tmp_path / "run", CONFIG.model_copy(update={"max_epochs": 2}))
    evaluate(run)
    opened = RunUnderAudit(run)
    list(opened.whole())
    odd = {check.name: check for check in evaluated(opened) if check.outcome != PASS}
    assert {name: c.outcome for name, c in odd.items()} == dict.fromkeys(
        (RENDERED, CARD), NOT_CHECKED
    )
    assert "run `molre evaluate`" in odd[RENDERED].found


def test_a_run_was_evaluated_if_one_file_of_it_says_so(run: Path):
    for name in (*FURTHER_TABLES, "metrics"):
        (run / f"{name}.parquet").unlink(missing_ok=True)
    for name in ("report.html", "report.json"):
        (run / name).unlink()
    assert was_evaluated(run)  # by the results in its card
    card = run / "model" / "README.md"
    card.write_text(card.read_text().replace("## Performance on test", "## Not yet"))
    assert not was_evaluated(run)
