"""The participant flow is drawn from the counts of a run."""

from __future__ import annotations

from molre.audit.flow import run_flow
from molre.audit.flow_chart import flow_chart
from molre.audit.run_under_audit import RunUnderAudit


def test_the_flow_is_drawn_from_the_run(trained):
    opened = RunUnderAudit(trained / "run")
    list(opened.whole())
    drawn = flow_chart(run_flow(opened))
    for text in ("Eligible series: 144", "48 studies", "scored: 48 studies", "2 of 2 findings"):
        assert text in drawn
