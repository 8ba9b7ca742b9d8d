"""Each row of the table of tamperings is found, by the check that it names; docs hold the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.audit.check import PASS
from molre.audit.checks.reports import evaluated_again
from molre.audit.run_under_audit import RunUnderAudit
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampered_together import compared, steady
from tests.helpers.audit.tampering import Look, Tampering
from tests.helpers.audit.tamperings import TAMPERINGS, as_markdown

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "audit.md"


@pytest.fixture(scope="session")
def scratch(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run evaluated again beside itself, as an audit does."""
    opened = RunUnderAudit(trained / "run")
    list(opened.whole())
    return evaluated_again(opened, tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize("row", TAMPERINGS, ids=[row.what for row in TAMPERINGS])
def test_a_tampering_is_found_by_the_check_that_the_table_names(
    whole: Path, scratch: Path, tmp_path: Path, row: Tampering
) -> None:
    scene = Scene(whole, tmp_path, scratch)
    row.how(scene)
    found = [c for c in row.look(scene) if c.name.startswith(row.check)]
    assert row.outcome in [check.outcome for check in found], row.look(scene)


LOOKS = list({row.look: row.check for row in TAMPERINGS}.items())


@pytest.mark.parametrize("look", [look for look, _ in LOOKS], ids=[name for _, name in LOOKS])
def test_without_tampering_nothing_is_found(
    whole: Path, scratch: Path, tmp_path: Path, look: Look
) -> None:
    scene = Scene(whole, tmp_path, scratch)
    compared(lambda out: None)(scene), steady(lambda out: None)(scene)
    assert {check.outcome for check in look(scene)} == {PASS}


def test_the_docs_hold_the_table() -> None:
    text = DOCS.read_text()
    after = text.partition("## What was tried, and what finds it")[2].splitlines()
    rows = [line for line in table().splitlines() if line]
    assert [line for line in after if line.startswith("|")] == rows, table()


def table() -> str:
    from tests.benchmark.test_audit_bench import ATTACKS

    bench = [
        (f"benchmark: {str(attack.__doc__).rstrip('.')}", name, outcome)
        for attack, name, _, outcome in ATTACKS
    ]
    return as_markdown(bench)
