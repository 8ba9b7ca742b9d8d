"""audit.html and audit.json: one page that shows what was checked, and the same for machines."""

from __future__ import annotations

import json
from pathlib import Path

from molre import files
from molre.audit.audit import Audit
from molre.audit.benchmark import BenchAudit
from molre.audit.check import DATA, FAIL, FILES, FLAG, GROUPS, LEAKAGE, NOT_CHECKED, NUMBERS, PASS
from molre.audit.flow_chart import flow_chart
from molre.audit.headings import CAVEAT
from molre.output.page import render
from molre.output.synthetic_banner import page_banner

TITLES = {
    FILES: "Are the files whole?",
    NUMBERS: "Do the numbers follow from the files before them?",
    DATA: "Are they about the scans and labels that they claim?",
    LEAKAGE: "Did the test split stay out of everything before it?",
}
TONES = {PASS: "good", FAIL: "bad", FLAG: "warn", NOT_CHECKED: "plain"}
NO_FLOW = {
    False: "The run keeps no counts to draw it from.",
    True: "An external evaluation has no splits to draw; its report says what was left out.",
}
ORDER = (FAIL, FLAG, NOT_CHECKED, PASS)


def write_audit(audit: Audit, out: Path) -> None:
    """Write ``OUT/audit.json`` and ``OUT/audit.html``, a page without script or outside request."""
    files.write_text(out / "audit.json", json.dumps(audit.to_dict(), indent=2) + "\n")
    html = render(
        "audit.html.j2",
        title=f"Audit of {audit.run.resolve().name}",
        **page_banner(scans=audit.scans_synthetic, synthetic=audit.synthetic),
        audit=audit,
        name=audit.run.resolve().name,
        counts=[(outcome, audit.count(outcome), TONES[outcome]) for outcome in ORDER],
        groups=[
            (TITLES[group], [check for check in audit.checks if check.group == group])
            for group in GROUPS
        ],
        tones=TONES,
        no_flow=NO_FLOW[audit.external],
        flow=flow_chart(audit.flow) if audit.flow else "",
        caveat=CAVEAT,
    )
    files.write_text(out / "audit.html", html)


def write_bench_audit(audit: BenchAudit, out: Path) -> None:
    """``OUT/audit.json`` and ``OUT/audit.html`` of a benchmark, ``OUT/cells/<cell>/`` of each."""
    files.write_text(out / "audit.json", json.dumps(audit.to_dict(), indent=2) + "\n")
    for name, cell in audit.named():
        write_audit(cell, out / "cells" / name)
    html = render(
        "audit_bench.html.j2",
        title=f"Audit of {audit.bench.resolve().name}",
        synthetic=audit.synthetic,
        audit=audit,
        runs="cells" if audit.kind == "benchmark" else "runs",
        beside=[check for check in audit.checks if check.outcome == FAIL],
        cells=audit.named(),
        failed=[(name, cell) for name, cell in audit.named() if cell.failed],
        name=audit.bench.resolve().name,
        order=ORDER,
        tones=TONES,
    )
    files.write_text(out / "audit.html", html)


def bench_as_text(audit: BenchAudit) -> str:
    """All that is not PASS, of each cell and of the tables, then the counts."""
    rows = [f"{c.outcome}: {c.name}: {c.found}" for c in audit.checks if c.outcome != PASS]
    failed, cells = sum(cell.failed for cell in audit.cells), len(audit.cells)
    tables = sum(check.outcome == FAIL for check in audit.checks)
    runs = "cells" if audit.kind == "benchmark" else "runs"
    last = f"{audit.bench}: {tables} FAIL beside the {runs}"
    last += f"; {failed} of {cells} {runs} with a FAIL" if cells else ""
    return "\n".join([*(as_text(cell) for cell in audit.cells), *rows, last])


def as_text(audit: Audit) -> str:
    """What the command line prints: all that is not PASS, then the counts."""
    lines = [
        f"{check.outcome}: {check.name}: {check.found}"
        for outcome in ORDER[:-1]
        for check in audit.checks
        if check.outcome == outcome
    ]
    counts = ", ".join(f"{audit.count(outcome)} {outcome}" for outcome in ORDER)
    return "\n".join([*lines, f"{audit.run}: {counts}"])
