"""What evaluating wrote, against the same evaluated again; also before there was report.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.audit.check import FAIL, NOT_CHECKED, PASS
from molre.audit.checks.reports import CARD, against, evaluated_again, was_evaluated
from molre.audit.report_differences import RENDERED
from molre.audit.run_under_audit import RunUnderAudit
from molre.runs.folder import FURTHER_TABLES


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


def test_page_and_data_have_to_be_there_where_a_table_is(run: Path, scratch: Path):
    for name in ("report.html", "report.json", "model/README.md"):
        (run / name).unlink()
    found = outcomes(run, scratch)
    assert found[RENDERED] == FAIL
    assert found[CARD] == FAIL


def test_a_run_was_evaluated_if_one_file_of_it_says_so(run: Path):
    for name in (*FURTHER_TABLES, "metrics"):
        (run / f"{name}.parquet").unlink(missing_ok=True)
    for name in ("report.html", "report.json"):
        (run / name).unlink()
    assert was_evaluated(run)  # by the results in its card
    card = run / "model" / "README.md"
    card.write_text(card.read_text().replace("## Performance on test", "## Not yet"))
    assert not was_evaluated(run)
