"""Studies read again from their scans: which ones, and what none is."""

from __future__ import annotations

from pathlib import Path

from molre.audit.checks.reread import reread
from molre.audit.run_under_audit import RunUnderAudit
from tests.helpers.audit.called import call


def test_reading_no_scan_again_has_to_be_asked_for_and_is_said(trained: Path) -> None:
    said = call(str(trained / "run"), "--reread", "0")
    assert said.exit_code == 3
    assert "the cache was not compared with the scans: --reread 0" in said.output


def test_studies_are_drawn_anew_each_time_or_by_the_seed_that_was_said(trained: Path) -> None:
    opened = RunUnderAudit(trained / "run")
    list(opened.whole())

    def drawn(seed: int | None = None) -> str:
        return next(reread(opened, 1, seed)).name

    assert drawn() != drawn()
    assert drawn(7) == drawn(7)
    assert "drawn by seed 7" in drawn(7)
