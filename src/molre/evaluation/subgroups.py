"""Does the model read some scanners, ages or kernels worse? AUC by subgroup, and whether it varies.

Whether AUC varies between the groups of a dimension is one test a dimension and finding, and
Benjamini-Hochberg covers all of them: a low group among many proves nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.stats import chi2

from molre.arrays import FloatArray
from molre.evaluation.endpoint import SCORED, Support, supports
from molre.evaluation.finding_metrics import auc_interval
from molre.evaluation.statistics.auc import auc
from molre.evaluation.statistics.delong import delong
from molre.evaluation.statistics.estimate import columns
from molre.evaluation.statistics.multiplicity import benjamini_hochberg
from molre.evaluation.statistics.score_interval import model_variance
from molre.progress import track
from molre.runs.run import Run

ALL = "all groups"
_SLOW = 10**5  # studies x findings that take over two seconds


@dataclass(frozen=True)
class Variation:
    """Test that AUC is the same in all groups.

    Attributes:
        p: nan where fewer than two groups are scored.
        groups: that were tested.
    """

    p: float
    groups: int


def subgroups(run: Run, members: Sequence[int], groups: Mapping[str, np.ndarray]) -> pl.DataFrame:
    """One row a dimension, group and finding of the endpoint, and one for the test.

    Args:
        run: the run.
        members: positions of the endpoint's findings.
        groups: for each dimension the group (N,) of each study; None where it is not known.
    """
    rows: list[dict[str, object]] = []
    steps = groups.items()
    for dimension, of_study in track(steps, "subgroups") if run.labels.size > _SLOW else steps:
        named = {str(name) for name in of_study if name is not None}
        names = sorted(named, key=lambda name: (not name.startswith("under"), name))
        for k in members:
            rows += _finding_rows(run, k, dimension, names, of_study)
    table = pl.DataFrame(rows, infer_schema_length=None)
    if table.is_empty():
        return table
    p = table["p_variation"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return table.with_columns(
        pl.Series("p_variation_adjusted", benjamini_hochberg(p)).fill_nan(None),
        pl.selectors.float().fill_nan(None),
    )


def variation(
    scores: FloatArray, labels: FloatArray, members: Sequence[np.ndarray], patients: Sequence[str]
) -> Variation:
    """Chi-squared test that the AUCs of disjoint groups of studies are equal.

    Each group's variance is that of the common AUC, as in the score interval: a group's own would
    be too small where the group happens to be read well. A patient with scans in several groups
    makes their AUCs alike, so the test then finds too little rather than too much.

    Args:
        scores: (N,).
        labels: (N,) 1, 0 or nan.
        members: bool (N,) of each group; both classes in each.
        patients: (N,).
    """
    if len(members) < 2:
        return Variation(float("nan"), len(members))
    owners = np.asarray(patients)
    inside = np.any(members, axis=0)
    counts = [[len(set(owners[m & (labels == s)])) for s in (1, 0)] for m in members]
    whole = delong(scores[inside], labels[inside], owners[inside].tolist())
    totals = [len(set(owners[inside & (labels == s)])) for s in (1, 0)]
    aucs = np.array([auc(scores[m], labels[m]) for m in members])
    # Neither 0 nor 1, where the model knows no variance: half a pair off.
    common = float(np.clip(whole.aucs[0], 0.5 / min(totals), 1 - 0.5 / min(totals)))
    scale = max(1.0, float(whole.covariance[0, 0]) / model_variance(common, *totals))
    weights = np.array([1 / (scale * model_variance(common, *each)) for each in counts])
    spread = float(weights @ (aucs - weights @ aucs / weights.sum()) ** 2)
    return Variation(float(chi2.sf(spread, len(members) - 1)), len(members))


def _finding_rows(
    run: Run, k: int, dimension: str, names: Sequence[str], of_study: np.ndarray
) -> list[dict[str, object]]:
    labels, scores, owners = run.labels[:, k], run.logits[:, k], np.asarray(run.patients)
    rows, scored = [], []
    for name in names:
        here = of_study == name
        support = supports(labels[here, None], [run.findings[k]], owners[here])[0]
        estimate = None
        if support.status == SCORED:
            scored.append(here)
            estimate = auc_interval(scores[None, here], labels[here], tuple(owners[here]))
        row = _row(dimension, name, support, len(set(owners[here])))
        rows.append(row | columns("auc", estimate) | {"p_variation": None, "groups_tested": None})
    known = np.array([name is not None for name in of_study])
    whole = supports(labels[known, None], [run.findings[k]], owners[known])[0]
    test = variation(scores, labels, scored, run.patients)
    last = _row(dimension, ALL, whole, len(set(owners[known])))
    last |= columns("auc", None) | {"p_variation": test.p, "groups_tested": test.groups}
    return [*rows, last]


def _row(dimension: str, group: str, support: Support, patients: int) -> dict[str, object]:
    return {
        "dimension": dimension,
        "group": group,
        "finding": support.finding,
        "status": support.status,
        "n": support.n,
        "patients": patients,
        "positives": support.positives,
        "negatives": support.negatives,
    }
