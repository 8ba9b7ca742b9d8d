"""report.html of two label tables: how far they agree, and what was not compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molre.evaluation.labels.agreement import FEW, NUMBERS, Agreement, LabelAudit
from molre.evaluation.statistics.estimate import Estimate
from molre.labels.long_table import STATES
from molre.output.finding_names import finding_names
from molre.output.numbers import NONE, interval, number
from molre.output.report_json import write_report

# what the numbers are called: against the truth, and of two labelers neither of whom is
HEADS = {
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "f1": "F1",
    "kappa": "Kappa",
}
ALIKE = {
    "accuracy": "Agreement",
    "f1": "Agreement on present",
    "negative_f1": "Agreement on not present",
    "kappa": "Kappa",
}
WORDS = {state: state.replace("_", " ") for state in STATES}


def write_label_audit(audit: LabelAudit, about: Mapping[str, Any], path: Path) -> None:
    """Write a self-contained page, and what it shows as JSON beside it.

    Args:
        audit: the numbers.
        about: ``first`` and ``second``, what the tables are called; ``labelers`` and ``truth``,
            their sources with studies; ``two_labelers``.
        path: e.g. ``OUT/report.html``.
    """
    write_report(path, "label_audit.html.j2", _context(audit, about))


def _context(audit: LabelAudit, about: Mapping[str, Any]) -> dict[str, Any]:
    two, sampled = bool(about["two_labelers"]), audit.cells.stratum is not None
    heads = ALIKE if two else HEADS
    names = finding_names(audit.cells.findings) | {"micro": "All cells (micro)"}
    ordered = sorted(audit.findings, key=lambda one: -(one.counts[0] + one.counts[2]))
    return {
        "title": "Two labelers" if two else "Audit of labels",
        "kind": "labels",
        "two": two,
        "sampled": sampled,
        "first": str(about["first"]),
        "second": str(about["second"]),
        "labelers": dict(about["labelers"]),
        "truth": dict(about["truth"]),
        "studies": audit.cells.shared,
        "patients": audit.cells.clusters if audit.grouped else None,
        "no_patient": audit.cells.no_patient,
        "cells": audit.micro.n,
        "apart": audit.micro.apart,
        "heads": list(heads.values()),
        "tiles": [_tile(heads[name], audit.micro.numbers[name]) for name in _lead(two)],
        "micro": _row(audit.micro, names, heads),
        "macro": [_cell(audit.macro[name]) for name in heads],
        "findings": [_row(one, names, heads) for one in ordered],
        "states": [
            {"name": WORDS[state], "cells": [_cell(numbers[name]) for name in _of_state(two)]}
            for state, numbers in audit.states.items()
        ],
        "state_heads": ["Agreement on it"] if two else ["Sensitivity", "PPV", "F1"],
        "kappa_states": _cell(audit.micro.kappa_states),
        "confusion": _confusion(audit.micro),
        "state_names": list(WORDS.values()),
        "left": _left(audit, about),
        "few": FEW,
    }


def _lead(two: bool) -> tuple[str, ...]:
    return ("accuracy", "f1", "kappa") if two else ("accuracy", "sensitivity", "ppv", "f1")


def _of_state(two: bool) -> tuple[str, ...]:
    return ("f1",) if two else ("sensitivity", "ppv", "f1")


def _tile(name: str, estimate: Estimate | None) -> dict[str, str]:
    return {"name": name, **_cell(estimate)}


def _row(one: Agreement, names: Mapping[str, str], heads: Mapping[str, str]) -> dict[str, Any]:
    tp, fp, fn, tn = one.counts
    return {
        "name": names[one.finding],
        "n": one.n,
        "apart": one.apart,
        "counts": [_count(x) for x in (tp, fp, fn, tn)],
        "cells": [_cell(one.numbers[name]) for name in heads],
        "few": tp + fn < FEW or tp + fp < FEW,
        "alike": one.numbers["kappa"] is None and bool(sum(one.counts)),
    }


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _cell(estimate: Estimate | None) -> dict[str, str]:
    if estimate is None:
        return {"value": NONE, "interval": "", "n": ""}
    low, high = estimate.low, estimate.high
    said = interval(low, high, 2)
    return {
        "value": number(estimate.value, 3),
        "interval": "" if said == NONE else said,
        "n": f"n = {estimate.n:,}",
    }


def _confusion(one: Agreement) -> list[dict[str, Any]]:
    return [
        {"name": WORDS[state], "cells": [f"{int(n):,}" for n in one.confusion[code]]}
        for code, state in enumerate(STATES)
    ]


def _left(audit: LabelAudit, about: Mapping[str, Any]) -> list[str]:
    """What was not compared, a sentence each."""
    left, names = audit.cells.left, finding_names
    first, second = str(about["first"]), str(about["second"])
    said = []
    for studies, here, other in (
        (left.only_first, first, second),
        (left.only_second, second, first),
    ):
        if studies:
            said.append(f"{_counted(studies, 'study', 'studies')} of {here} not in {other}")
    for gone, here in ((left.findings_first, first), (left.findings_second, second)):
        if gone:
            listed = ", ".join(names(gone)[f] for f in gone)
            said.append(
                f"{_counted(len(gone), 'finding', 'findings')} that only {here} speaks of: {listed}"
            )
    if left.called:
        said.append(
            f"{_counted(left.called, 'cell', 'cells')} that {first} calls present, of findings "
            f"that {second} never names (--every-finding counts them as not present there)"
        )
    if left.blank:
        said.append(
            f"{_counted(left.blank, 'cell', 'cells')} that a wide table leaves empty: unknown"
        )
    if left.unread:
        said.append(
            f"{_counted(left.unread, 'cell', 'cells')} of the sample without a reading yet; those "
            "that were read stand for them"
        )
    return said


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def csv_rows(audit: LabelAudit) -> list[dict[str, object]]:
    """Rows of agreement.csv: each finding, all cells together (micro), and the mean (macro)."""
    rows: list[dict[str, object]] = []
    for one in (*audit.findings, audit.micro):
        row: dict[str, object] = {"finding": one.finding, "n": one.n, "uncertain": one.apart}
        row |= dict(zip(("tp", "fp", "fn", "tn"), one.counts, strict=True))
        for name in NUMBERS:
            row |= _columns(name, one.numbers[name])
        rows.append(row)
    last: dict[str, object] = dict.fromkeys(rows[0]) | {"finding": "macro"}
    for name in NUMBERS:
        last |= _columns(name, audit.macro[name])
    return [*rows, last]


def _columns(name: str, one: Estimate | None) -> dict[str, object]:
    known = (one.value, one.low, one.high, one.method) if one else (None,) * 4
    return dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_method"), known, strict=True))
