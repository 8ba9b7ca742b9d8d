"""The part of a run's report that says what errors of the labels may have done to each AUC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from molre.evaluation.labels.noise import AT_LIMIT, CORRECTED, NOT_IDENTIFIED, NOT_MEASURED
from molre.evaluation.labels.of_run import measured_labels, strangers
from molre.output.numbers import interval, number
from molre.runs.run import SPLIT, Run

ASSUMPTIONS = (
    "Whether a label is wrong depends on the truth alone: among studies that have the finding, and "
    "among those that do not, wrong labels are as likely at a high score as at a low one. Where "
    "faint findings are missed both by the labels and by the model, this does not hold: the AUC as "
    "measured is then not pulled toward 0.5 as far as shown, and the corrected one is too high.",
    "The labels err in these test studies as often as in those that were audited, and what the "
    "audit calls the truth is the truth.",
    "A label is positive where it says present. The audit counts absent and not mentioned as not "
    "present, and leaves uncertain out, as scoring does; blanks that the policy masks are not "
    "scored here.",
    "Under these, AUC as measured = 0.5 + (true AUC − 0.5) · (PPV + NPV − 1), with PPV and NPV of "
    "the labels at the share of positives seen here (Rogan and Gladen 1978 for the true share).",
    "Corrected: over the 95 % intervals of the labels' sensitivity and specificity. The last "
    "column takes the AUC's own interval in as well. It is a sensitivity analysis, not a result: "
    "the macro AUC and all other numbers of this page are against the labels as they are.",
)
WHY = {
    NOT_IDENTIFIED: "within these rates all positive labels may be false ones, or too many are "
    "missed: no upper bound follows for the AUC",
    NOT_MEASURED: "the audit holds no case with it, or none without, or not this finding",
}


def label_noise_context(table: pl.DataFrame, run: Run, names: Mapping[str, str]) -> dict[str, Any]:
    """What the section shows, ready to print.

    Args:
        table: of :func:`molre.evaluation.labels.noise.label_noise`.
        run: that it is of.
        names: of findings.
    """
    measured = measured_labels(run.folder)
    assert measured is not None  # the table was made from it
    counts = dict(table.group_by("status").len().iter_rows())
    return {
        "audited": [_who(*pair) for pair in measured.labelers.items()],
        "truth": [_who(*pair) for pair in measured.truth.items()],
        "summary": _summary(counts, len(table)),
        "cautions": list(_cautions(table, run, counts, names)),
        "rows": [_row(row, names) for row in table.iter_rows(named=True)],
        "assumptions": list(ASSUMPTIONS),
    }


def _summary(counts: Mapping[str, int], scored: int) -> str:
    told = [
        f"{counts[status]} {words}"
        for status, words in (
            (CORRECTED, "corrected"),
            (AT_LIMIT, "higher than these rates allow"),
            (NOT_IDENTIFIED, "not identified"),
            (NOT_MEASURED, "not measured by the audit"),
        )
        if counts.get(status)
    ]
    return f"Of {scored} scored findings: {', '.join(told)}."


def _cautions(
    table: pl.DataFrame, run: Run, counts: Mapping[str, int], names: Mapping[str, str]
) -> list[str]:
    measured, said = measured_labels(run.folder), []
    assert measured is not None
    sources = (run.folder.counts().get("labels") or {}).get("sources") or {}
    others = strangers(measured, sources.get(SPLIT) or {})
    if others:
        said.append(
            f"Labels of these test studies also come from {', '.join(others)}, which the audit did "
            "not look at."
        )
    if not measured.grouped:
        said.append(
            "The audit knew no patients: where patients had several reports its intervals are too "
            "narrow, and so are these ranges."
        )
    if counts.get(AT_LIMIT):
        listed = ", ".join(names[f] for f in table.filter(status=AT_LIMIT)["finding"])
        said.append(
            f"{listed}: with labels this poor not even perfect scores would reach the AUC that was "
            "measured. An assumption fails, or it is chance; no correction is shown."
        )
    return said


def _who(name: str, studies: int) -> str:
    return f"{name} ({studies} stud{'y' if studies == 1 else 'ies'})"


def _row(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    told = row["status"] == CORRECTED
    status = "higher than these rates allow" if row["status"] == AT_LIMIT else row["status"]
    return {
        "name": names[row["finding"]],
        "labeled": f"{100 * row['labeled']:.3g} %",
        "sensitivity": _estimate(row, "label_sensitivity"),
        "specificity": _estimate(row, "label_specificity"),
        "factor": [number(row["factor"], 2), _range(row, "factor", 2)],
        "auc": _estimate(row, "auc", 3),
        "corrected": [number(row["corrected"]), _range(row, "corrected", 3)] if told else None,
        "outer": _range(row, "outer", 3) if told else "",
        "status": status,
        "why": WHY.get(row["status"], ""),
    }


def _estimate(row: Mapping[str, Any], name: str, digits: int = 2) -> list[str]:
    return [number(row[name], digits), _range(row, name, digits)]


def _range(row: Mapping[str, Any], name: str, digits: int) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if low is None else interval(low, high, digits)
