"""What an audit prints: all that is not in order, the failures first, then the counts."""

from __future__ import annotations

from pathlib import Path

from molre.audit.audit import Audit
from molre.audit.benchmark import BenchAudit
from molre.audit.check import FAIL, FLAG, NOT_CHECKED, NUMBERS, PASS, Check
from molre.audit.page import as_text, bench_as_text

CHECKS = tuple(
    Check(NUMBERS, f"check {i}", outcome, "found")
    for i, outcome in enumerate((PASS, NOT_CHECKED, FLAG, FAIL, PASS))
)


def audited(*checks: Check) -> Audit:
    return Audit(Path("runs/molre-0"), {}, True, checks, None, ())


def test_failures_come_first_and_what_passed_is_only_counted() -> None:
    assert as_text(audited(*CHECKS)).splitlines() == [
        "FAIL: check 3: found",
        "FLAG: check 2: found",
        "NOT CHECKED: check 1: found",
        "runs/molre-0: 1 FAIL, 1 FLAG, 1 NOT CHECKED, 2 PASS",
    ]


def test_of_several_runs_each_is_told_and_how_many_failed() -> None:
    cells = (audited(*CHECKS), audited(CHECKS[0]))
    said = bench_as_text(BenchAudit(Path("bench"), (CHECKS[3], CHECKS[0]), cells))
    assert said.splitlines()[-3:] == [
        "runs/molre-0: 0 FAIL, 0 FLAG, 0 NOT CHECKED, 1 PASS",
        "FAIL: check 3: found",
        "bench: 1 FAIL beside the cells; 1 of 2 cells with a FAIL",
    ]


def test_what_was_not_checked_is_no_failure_and_not_nothing() -> None:
    alone = audited(CHECKS[1])
    assert (alone.failed, alone.unchecked) == (False, True)
    assert BenchAudit(Path("bench"), (), (alone,)).unchecked
    assert not audited(CHECKS[0], CHECKS[2]).unchecked
