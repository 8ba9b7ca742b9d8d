"""Whether a cohort can answer anything: patients with and without each finding, split by split.

Reported when labels and splits are made, long before a run spends time on them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from molre.cohort.cohort import SPLITS, Cohort
from molre.cohort.patient_identity import doubts
from molre.labels.findings import FindingsTable, findings
from molre.labels.policy import targets

TESTED = 10  # patients with and without a finding in test, for an AUC
CALIBRATED = 5  # the same in calibrate, for a probability and a threshold
UNSPLIT = "all"


@dataclass(frozen=True)
class Support:
    """Patients of one split (or of all, before there are splits) by one finding.

    A patient with the finding in any study is positive; one with it absent, and never present,
    is negative.
    """

    finding: str
    split: str
    positives: int
    negatives: int


def supports(cohort: Cohort, table: FindingsTable | None = None) -> list[Support]:
    """Counts of every finding that any patient is known to have; none before there are labels.

    Args:
        cohort: opened.
        table: the findings; the package's own where not given.
    """
    if not (cohort.path / "labels.parquet").is_file():
        return []
    table = table or findings()
    rows = cohort.scans().select("study", "patient").unique(maintain_order=True)
    where = {name: UNSPLIT for name in rows["patient"]}
    names: tuple[str, ...] = (UNSPLIT,)
    if (cohort.path / "splits.csv").is_file():
        where, names = dict(cohort.splits().iter_rows()), SPLITS
    known = targets(cohort.labels(), rows["study"].to_list(), table)
    patients, index = np.unique(rows["patient"].to_numpy(), return_inverse=True)
    positive, negative = (np.zeros((len(patients), len(table)), dtype=bool) for _ in range(2))
    np.logical_or.at(positive, index, known == 1)
    np.logical_or.at(negative, index, known == 0)
    split = np.array([where.get(patient, "") for patient in patients])
    return [
        Support(
            table.ids[k],
            name,
            int(positive[split == name, k].sum()),
            int((negative & ~positive)[split == name, k].sum()),
        )
        for k in np.flatnonzero(positive.any(axis=0))
        for name in names
    ]


def warnings(cohort: Cohort, counts: list[Support]) -> list[str]:
    """What will be missing in the end, one sentence each.

    Args:
        cohort: opened.
        counts: of :func:`supports`.
    """
    scans = cohort.scans()
    found = [one_patient(scans), *doubts(scans)]
    if (cohort.path / "splits.csv").is_file():
        dealt = cohort.splits()["split"].to_list()
        found += [f"{name} has no patient, so nothing can be trained" for name in SPLITS
                  if name not in dealt]  # fmt: skip
        if counts:
            found += [_untested(counts, len(dealt)), _uncalibrated(counts)]
    return [words for words in found if words]


def one_patient(scans: pl.DataFrame) -> str:
    """A sentence where most studies are of one patient, as under an anonymized Patient ID."""
    studies = scans.select("study", "patient").unique()
    most = int(studies["patient"].value_counts()["count"].max() or 0)  # type: ignore[arg-type]
    if most < 3 or most <= studies.height / 2:
        return ""
    many = f"all {most}" if most == studies.height else f"{most} of {studies.height}"
    return f"{many} studies are of one patient: is Patient ID (0010,0020) anonymized?"


def as_lines(counts: list[Support]) -> list[str]:
    """One line a finding: patients with and without it, split by split."""
    lines: dict[str, list[str]] = {}
    for one in counts:
        words = f"{one.split} {one.positives} with, {one.negatives} without"
        lines.setdefault(one.finding, []).append(words)
    return [f"  {finding}: {'; '.join(words)}" for finding, words in lines.items()]


def as_rows(counts: list[Support]) -> list[dict[str, object]]:
    """The same for JSON."""
    return [asdict(one) for one in counts]


def _untested(counts: list[Support], patients: int) -> str:
    test = [one for one in counts if one.split == "test"]
    if any(min(one.positives, one.negatives) >= TESTED for one in test):
        return ""
    words = f"no finding has {TESTED} patients with and {TESTED} without it in test: no AUC"
    needed = _needed(counts, patients)
    return f"{words}; about {needed:,} patients are needed" if needed else words


def _needed(counts: list[Support], patients: int) -> int:
    """Patients of whom as large a share in test would do for the most even finding; 0 if none."""
    with_it: dict[str, list[int]] = {}
    for one in counts:
        total = with_it.setdefault(one.finding, [0, 0])
        total[0] += one.positives
        total[1] += one.negatives
    fewest = max(min(total) for total in with_it.values())
    in_test = sum(one.positives + one.negatives for one in counts if one.split == "test")
    known = sum(sum(total) for total in with_it.values())
    if not fewest or not in_test:
        return 0
    needed = patients * TESTED / (fewest * in_test / known)
    return math.ceil(max(needed, patients + 1) / 10) * 10


def _uncalibrated(counts: list[Support]) -> str:
    there = [one for one in counts if one.split == "calibrate"]
    if any(min(one.positives, one.negatives) >= CALIBRATED for one in there):
        return ""
    return (
        f"no finding has {CALIBRATED} patients with and {CALIBRATED} without it in calibrate: "
        "no calibrated probabilities and no thresholds"
    )
