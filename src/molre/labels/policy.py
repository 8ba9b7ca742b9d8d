"""What a label means for training: present 1, absent 0, unknown nan; and what silence means."""

from __future__ import annotations

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.labels.findings import FindingsTable

POLICIES = ("blank_means", "mask")


def targets(
    labels: pl.DataFrame, studies: list[str], table: FindingsTable, policy: str = "blank_means"
) -> np.ndarray:
    """Targets of studies.

    Under ``blank_means`` a finding that a report does not mention is what the table's column says:
    absent, or unknown where readers often leave it out. That holds only where there is a report
    (sources that start with ``report``); elsewhere, and under ``mask``, a blank is unknown.
    Uncertain is always unknown.

    Args:
        labels: long table with study_id, finding, state, source.
        studies: N keys, in order; a study without labels is all unknown.
        table: K findings.
        policy: ``blank_means`` or ``mask``.

    Returns:
        float32 (N, K).

    Raises:
        MolreError: unknown policy.
    """
    if policy not in POLICIES:
        raise MolreError(f"unknown blank policy {policy!r}", fix=f"choose {' or '.join(POLICIES)}")
    row = {s: i for i, s in enumerate(studies)}
    column = {f: k for k, f in enumerate(table.ids)}
    found = np.full((len(studies), len(table)), np.nan, dtype=np.float32)
    absent_if_blank = {f.id for f in table if f.blank_means == "absent"}
    here = labels.filter(pl.col("study_id").is_in(studies) & pl.col("finding").is_in(table.ids))
    for study, finding, state, source in here.select(
        "study_id", "finding", "state", "source"
    ).iter_rows():
        blank_is_absent = (
            policy == "blank_means" and source.startswith("report") and finding in absent_if_blank
        )
        if state == "present":
            value = 1.0
        elif state == "absent" or (state == "not_mentioned" and blank_is_absent):
            value = 0.0
        else:
            continue
        found[row[study], column[finding]] = value
    return found
