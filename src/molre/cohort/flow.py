"""Participant flow: how many studies and patients are left after each step, and why others went."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import polars as pl

from molre.cohort.cohort import SPLITS, Cohort
from molre.cohort.rejects import read_rejects


def flow(cohort: Cohort, used: set[str]) -> dict[str, Any]:
    """Counts from the cohort's own tables.

    Args:
        cohort: ingested, labelled and split.
        used: content hashes of the scans that could be embedded.

    Returns:
        ``refused`` (files and series in rejects.csv, studies and stand-alone files lost by it,
        and how often each reason was given), ``series`` eligible, then patients and studies that
        are ``readable`` (a chosen series), ``labelled``, ``split`` and ``embedded``, the last of
        them by split as well.
    """
    scans, chosen = cohort.scans(), cohort.chosen()
    labelled = chosen.filter(pl.col("study").is_in(cohort.labels()["study_id"].unique().to_list()))
    placed = chosen.join(cohort.splits(), on="patient", how="inner")
    embedded = placed.filter(pl.col("content_hash").is_in(list(used)))
    return {
        "refused": _refused(cohort, set(scans["study"])),
        "series": scans.height,
        "readable": _count(chosen),
        "labelled": _count(labelled),
        "split": _count(placed),
        "embedded": _count(embedded),
        "splits": {name: _count(embedded.filter(pl.col("split") == name)) for name in SPLITS},
    }


def _refused(cohort: Cohort, read: set[str]) -> dict[str, Any]:
    path = cohort.path / "rejects.csv"
    rows = read_rejects(path) if path.is_file() else []
    # numbers in a reason tell one scan from another, which no count should
    kinds = Counter(re.sub(r"\d+(?:[.,]\d+)*", "N", row["reason"]) for row in rows)
    studies = {row["study"] for row in rows if row["study"]} - read
    return {"rows": len(rows), "studies": len(studies), "reasons": dict(sorted(kinds.items()))}


def _count(rows: pl.DataFrame) -> dict[str, int]:
    return {"patients": rows["patient"].n_unique(), "studies": rows["study"].n_unique()}
