"""Participant flow of a run: from what was ingested to what was scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from molre.audit.run_under_audit import RunUnderAudit
from molre.errors import MolreError
from molre.evaluation.endpoint import SCORED, supports
from molre.runs.run import read_run


@dataclass(frozen=True)
class RunFlow:
    """Counts at each step, as data.json and predictions.parquet give them.

    Attributes:
        refused: rows of rejects.csv, studies lost by them, how often each reason was given.
        series: that could be head CT.
        readable, labelled, split, embedded: patients and studies.
        splits: the same, of the embedded, by split.
        test: studies and patients with predictions, findings scored and not.
    """

    refused: dict[str, Any]
    series: int
    readable: dict[str, int]
    labelled: dict[str, int]
    split: dict[str, int]
    embedded: dict[str, int]
    splits: dict[str, dict[str, int]]
    test: dict[str, int]


def run_flow(opened: RunUnderAudit) -> RunFlow | None:
    """The flow; None for a run without data.json, or one whose files cannot be read."""
    try:
        counts = opened.folder.counts()["flow"]
        run = read_run(opened.path)
        statuses = [support.status for support in supports(run.labels, run.findings, run.patients)]
        test = {
            "studies": len(run.studies),
            "patients": len(set(run.patients)),
            "findings": len(statuses),
            "scored": statuses.count(SCORED),
        }
        return RunFlow(**counts, test=test)
    except (MolreError, KeyError, TypeError, pl.exceptions.PolarsError):
        return None
