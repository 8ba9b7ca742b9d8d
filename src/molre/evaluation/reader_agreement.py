"""How far several readers of the same scans agree, for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import polars as pl

from molre.evaluation.statistics.estimate import columns
from molre.evaluation.statistics.fleiss import fleiss_estimate
from molre.evaluation.statistics.kappa import kappa_estimate


def reader_agreement(
    said: np.ndarray, findings: Sequence[str], patients: Sequence[str]
) -> pl.DataFrame:
    """Cohen's kappa of each pair of readers and Fleiss' kappa of all, with intervals.

    Args:
        said: bool (R, N, K) what each of R readers said.
        findings: K.
        patients: (N,) whose.

    Returns:
        A row for each finding: ``positive_1`` ... (studies in which that reader saw it),
        ``unanimous`` (share of studies in which all agree), then for ``kappa_1_2`` ... and
        ``fleiss_kappa`` value, low, high, method and n; null where it is not defined.
    """
    readers = len(said)
    rows = []
    for k, finding in enumerate(findings):
        of = said[:, :, k]
        row: dict[str, object] = {"finding": finding}
        row |= {f"positive_{r + 1}": int(of[r].sum()) for r in range(readers)}
        row["unanimous"] = float((of == of[0]).all(axis=0).mean())
        for a, b in combinations(range(readers), 2):
            pair = kappa_estimate(of[a], of[b], patients, categories=2)
            row |= columns(f"kappa_{a + 1}_{b + 1}", pair)
        rows.append(row | columns("fleiss_kappa", fleiss_estimate(of, patients)))
    return pl.DataFrame(rows, infer_schema_length=None)


def as_text(agreement: pl.DataFrame) -> str:
    """Fleiss' kappa of each finding, a line each."""
    width = max(map(len, agreement["finding"]))
    lines = [
        f"{row['finding']:<{width}}  {_kappa(row)}  readers agree in {row['unanimous']:.1%}"
        for row in agreement.iter_rows(named=True)
    ]
    return "\n".join(lines)


def _kappa(row: dict[str, float | None]) -> str:
    if row["fleiss_kappa"] is None:
        return f"{'not defined':<18}"
    low, high = row["fleiss_kappa_low"], row["fleiss_kappa_high"]
    return f"{row['fleiss_kappa']:.2f} ({low:.2f} to {high:.2f})"
