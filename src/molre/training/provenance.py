"""RUN/data.json: the data a run is made of, in counts: flow, population, labels.

Written with the run, so that its model card and its audit need no cohort to say whom it is about.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import polars as pl

from molre.cohort.cohort import SPLITS, Cohort
from molre.cohort.flow import flow
from molre.cohort.population import population
from molre.labels.policy import of_sources
from molre.runs.manifest import FORMAT_VERSION
from molre.training.load_splits import Splits


def provenance(cohort: Cohort, splits: Splits, policy: str) -> dict[str, Any]:
    """The content of data.json.

    Args:
        cohort: the run's.
        splits: its studies with their targets.
        policy: what a blank label means.
    """
    labels = cohort.labels()
    studies = {name: splits[name].study for name in SPLITS}
    used = {h for name in SPLITS for h in splits[name].content_hash}
    return {
        "format_version": FORMAT_VERSION,
        "synthetic": cohort.synthetic,
        "flow": flow(cohort, used),
        "population": population(cohort.chosen(), studies),
        "labels": {
            "blank_policy": policy,
            "sources": label_sources(of_sources(labels, splits.sources), splits),
            **_masked(labels, splits),
            "counts": {name: _counts(splits, name) for name in SPLITS},
        },
    }


def _masked(labels: pl.DataFrame, splits: Splits) -> dict[str, Any]:
    """Studies by source of the labels that do not count, where there are some."""
    if not splits.sources:
        return {}
    others = labels.filter(~pl.col("source").is_in(list(splits.sources)))
    return {"masked_sources": label_sources(others, splits)}


def label_sources(labels: pl.DataFrame, splits: Splits) -> dict[str, dict[str, int]]:
    """Studies by label source and labeller in each split; a study may have several.

    Args:
        labels: long table of the cohort.
        splits: of the run; labels of findings that it was not trained on do not count.
    """
    kept = labels.filter(pl.col("finding").is_in(list(splits.findings)))
    return {name: _sources(kept, splits[name].study) for name in SPLITS}


def _sources(labels: pl.DataFrame, studies: Collection[str]) -> dict[str, int]:
    here = labels.filter(pl.col("study_id").is_in(list(studies)))
    columns = [pl.col(name).cast(pl.String).fill_null("") for name in ("source", "labeller")]
    named = here.with_columns(pl.concat_str(columns, separator=" ").str.strip_chars().alias("by"))
    counted = named.group_by("by").agg(pl.col("study_id").n_unique()).sort("by")
    return {str(by or "not stated"): int(n) for by, n in counted.iter_rows()}


def _counts(splits: Splits, name: str) -> dict[str, dict[str, int]]:
    targets = splits[name].targets
    return {
        finding: {
            "positives": int((targets[:, k] == 1).sum()),
            "negatives": int((targets[:, k] == 0).sum()),
            "unknown": int(np.isnan(targets[:, k]).sum()),
        }
        for k, finding in enumerate(splits.findings)
    }
