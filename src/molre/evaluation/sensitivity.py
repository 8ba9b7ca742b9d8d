"""Would other labels have told another story? AUC under each policy for blanks and label source.

Policies: under ``blank_means`` silence of a report counts as absent where the findings table says
so, under ``mask`` it is unknown. Sources: labels of readers and of reports are scored apart; a
study is scored by a source only where that source labeled it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from molre.arrays import FloatArray
from molre.evaluation.endpoint import SCORED, supports, weighed
from molre.evaluation.finding_metrics import auc_interval
from molre.evaluation.statistics.estimate import columns
from molre.labels.findings import FindingsTable
from molre.labels.policy import POLICIES, targets
from molre.runs.run import Run

POLICY = "policy for blank labels"
SOURCE = "label source"
MACRO = "macro"


def sensitivity(run: Run, labels: pl.DataFrame, table: FindingsTable) -> pl.DataFrame:
    """One row a comparison, variant and finding, then the macro AUC over what all variants score.

    Args:
        run: the run.
        labels: long labels of its cohort.
        table: findings known.
    """
    here = labels.filter(
        pl.col("study_id").is_in(list(run.studies)) & pl.col("finding").is_in(list(run.findings))
    )
    own = str(run.manifest.get("blank_policy") or POLICIES[0])
    policies = {policy: _targets(run, here, table, policy) for policy in POLICIES}
    sources = {
        str(source): _targets(run, part, table, own)
        for (source,), part in sorted(here.partition_by("source", as_dict=True).items())
    }
    rows = _rows(run, POLICY, policies)
    if len(sources) > 1:
        rows += _rows(run, SOURCE, sources)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.selectors.float().fill_nan(None)
    )


def _targets(run: Run, labels: pl.DataFrame, table: FindingsTable, policy: str) -> FloatArray:
    """(N, K) in the run's order of studies and findings."""
    known = targets(labels, list(run.studies), table, policy)
    return known[:, [table.ids.index(f) for f in run.findings]].astype(np.float64)


def _rows(run: Run, comparison: str, variants: Mapping[str, FloatArray]) -> list[dict[str, object]]:
    counts = {
        name: supports(labels, run.findings, run.patients) for name, labels in variants.items()
    }
    common = [
        k
        for k in range(len(run.findings))
        if all(count[k].status == SCORED for count in counts.values())
    ]
    mean = weighed(common, run.labels)  # the run's own labels, so that all variants mean one thing
    rows: list[dict[str, object]] = []
    for name, labels in variants.items():
        values = []
        for k, support in enumerate(counts[name]):
            estimate = None
            if support.status == SCORED:
                estimate = auc_interval(run.logits[None, :, k], labels[:, k], run.patients)
            if estimate and k in common:
                values.append(estimate.value)
            rows.append(
                {
                    "comparison": comparison,
                    "variant": name,
                    "finding": support.finding,
                    "status": support.status,
                    "n": support.n,
                    "positives": support.positives,
                    "negatives": support.negatives,
                    **columns("auc", estimate),
                }
            )
        last = dict.fromkeys(rows[-1]) | {"comparison": comparison, "variant": name}
        studies = int((~np.isnan(labels)).any(axis=1).sum())
        last |= {"finding": MACRO, "status": f"mean of {mean.size}", "n": studies}
        last["auc"] = float(np.array(values) @ mean.weights) if values else None
        rows.append(last)
    return rows
