"""By how much a measured AUC may be off, given how often the labels were found to be wrong."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from molre.evaluation.finding_metrics import FindingResult
from molre.evaluation.labels.agreement_file import MeasuredLabels, Rates
from molre.evaluation.statistics.estimate import Estimate, columns
from molre.evaluation.statistics.label_error import label_error, true_auc

CORRECTED = "corrected"
NOT_IDENTIFIED = "not identified"
NOT_MEASURED = "not measured"
AT_LIMIT = "beyond 1"


def label_noise(results: Sequence[FindingResult], measured: MeasuredLabels) -> pl.DataFrame:
    """One row a scored finding: the labels' rates, and the AUC that they imply.

    ``corrected_low`` and ``corrected_high`` are over the intervals of both rates, at the AUC as
    measured; ``outer_low`` and ``outer_high`` over the AUC's own interval as well. The factor
    grows with both rates, so the ends of their intervals are its ends.

    The status is ``corrected``; ``beyond 1`` where even perfect scores would have been drawn lower
    than what was measured, so that an assumption does not hold or chance is large; ``not
    identified`` where the intervals allow that false positives are as many as all positive labels
    (or that the labels miss more than there are); ``not measured`` where the audit has no rates.

    Args:
        results: of the run's findings.
        measured: from the audit.
    """
    rows = [
        _row(result, result.auc, measured.rates.get(result.finding))
        for result in results
        if result.auc is not None
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


_NUMBERS = (
    "prevalence",
    "ppv",
    "npv",
    "factor",
    "factor_low",
    "factor_high",
    "corrected",
    "corrected_low",
    "corrected_high",
    "outer_low",
    "outer_high",
)
_ESTIMATES = ("auc", "label_sensitivity", "label_specificity")
_SCHEMA: dict[str, type[pl.DataType]] = {
    "finding": pl.String,
    "status": pl.String,
    "n": pl.Int64,
    "positives": pl.Int64,
    "labeled": pl.Float64,
    **{
        f"{name}{end}": kind
        for name in _ESTIMATES
        for end, kind in (
            ("", pl.Float64),
            ("_low", pl.Float64),
            ("_high", pl.Float64),
            ("_method", pl.String),
            ("_n", pl.Int64),
        )
    },
    **dict.fromkeys(_NUMBERS, pl.Float64),
}


def _row(result: FindingResult, auc: Estimate, rates: Rates | None) -> dict[str, object]:
    support = result.support
    row: dict[str, object] = dict.fromkeys(_SCHEMA)
    labeled = support.positives / support.n
    row |= {"finding": support.finding, "n": support.n, "positives": support.positives}
    row |= {"labeled": labeled, "status": NOT_MEASURED, **columns("auc", auc)}
    if rates is None:
        return row
    row |= columns("label_sensitivity", rates.sensitivity)
    row |= columns("label_specificity", rates.specificity)
    middle = label_error(labeled, rates.sensitivity.value, rates.specificity.value)
    worst = label_error(labeled, rates.sensitivity.low, rates.specificity.low)
    best = label_error(labeled, rates.sensitivity.high, rates.specificity.high)
    if middle is not None:
        row |= {"prevalence": middle.prevalence, "ppv": middle.ppv, "npv": middle.npv}
        row["factor"] = middle.factor
    if middle is None or worst is None or best is None:
        return row | {"status": NOT_IDENTIFIED}
    row |= {"factor_low": worst.factor, "factor_high": best.factor}
    ends = [true_auc(auc.value, factor) for factor in (worst.factor, best.factor)]
    outer = [true_auc(x, f) for x in (auc.low, auc.high) for f in (worst.factor, best.factor)]
    row |= {"corrected": true_auc(auc.value, middle.factor)}
    row |= {"corrected_low": min(ends), "corrected_high": max(ends)}
    row |= {"outer_low": min(outer), "outer_high": max(outer)}
    beyond = abs(auc.value - 0.5) > middle.factor / 2
    return row | {"status": AT_LIMIT if beyond else CORRECTED}
