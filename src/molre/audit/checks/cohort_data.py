"""What the run says about its data, against the cohort: hashes, splits, labels, counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from molre.audit.check import DATA, LEAKAGE, Check, NotAvailableError, compared
from molre.audit.differences import (
    cells,
    leaves,
    mapping_differences,
    table_differences,
    values_differ,
)
from molre.audit.run_under_audit import RunUnderAudit
from molre.cohort.cohort import SPLITS
from molre.runs.folder import COUNTS
from molre.training.load_splits import data_hashes
from molre.training.provenance import provenance
from molre.training.studies_table import studies_table


def hashes(opened: RunUnderAudit) -> Iterator[Check]:
    """Scans, splits and labels are those the run was made from."""
    again = data_hashes(opened.cohort)
    found = [
        f"{name.removesuffix('_sha256')} has changed since the run was made"
        for name, value in again.items()
        if opened.manifest.get(name) != value
    ]
    yield compared(DATA, "hashes of scans, splits and labels", len(again), found)


def splits(opened: RunUnderAudit) -> Iterator[Check]:
    """Each study of predictions.parquet has the patient and split that the cohort gives it."""
    rows = opened.predictions.select("study", "patient", "split").unique(maintain_order=True)
    scans = dict(opened.cohort.chosen().select("study", "patient").iter_rows())
    places = dict(opened.cohort.splits().iter_rows())
    found = []
    for study, patient, split in rows.iter_rows():
        if scans.get(study) != patient:
            found.append(f"{study} belongs to {patient}, in the cohort to {scans.get(study)}")
        elif places.get(patient) != split:
            found.append(f"{study} is in {split}, in splits.csv in {places.get(patient)}")
    yield compared(DATA, "patients and splits of predictions.parquet", 2 * rows.height, found)


def labels(opened: RunUnderAudit) -> Iterator[Check]:
    """Labels in predictions.parquet follow from the cohort's labels and the policy for blanks."""
    stored = {
        (study, finding): label
        for study, finding, label in opened.predictions.select(
            "study", "finding", "label"
        ).iter_rows()
    }
    found, seen = [], 0
    for split in SPLITS[1:]:
        studies = opened.splits[split]
        for i, study in enumerate(studies.study):
            for k, finding in enumerate(opened.splits.findings):
                target = studies.targets[i, k]
                again = None if np.isnan(target) else int(target)
                value = stored.get((study, finding), "missing")
                seen += 1
                if values_differ(value, again):
                    found.append(f"{study} {finding} is {_label(value)}, {_label(again)}")
    yield compared(DATA, "labels of predictions.parquet from the cohort's", seen, found)


def _label(value: Any) -> str:
    return "unknown" if value is None else str(value)


def finding_list(opened: RunUnderAudit) -> Iterator[Check]:
    """The findings follow from counts in train alone, and are the same everywhere."""
    expected = list(opened.splits.findings)
    places = {
        "manifest.json": opened.manifest.get("findings"),
        "model.json": [f.id for f in opened.description.findings],
        "predictions.parquet": _in_order(opened.predictions),
    }
    found = [
        f"{place} lists other findings" for place, listed in places.items() if listed != expected
    ]
    name = f"findings have {opened.config.min_labels} positives and negatives in train"
    yield compared(LEAKAGE, name, 3 * len(expected), found)


def _in_order(table: pl.DataFrame) -> list[str]:
    return table["finding"].unique(maintain_order=True).to_list()


def counts(opened: RunUnderAudit) -> Iterator[Check]:
    """Sizes of the splits, as each file of the run gives them."""
    expected = {name: len(opened.splits[name]) for name in SPLITS}
    told = opened.manifest.get("n") or {}
    found = mapping_differences({"manifest.json": told}, {"manifest.json": expected})
    described = opened.description.studies
    found += mapping_differences({"model.json": described}, {"model.json": expected})
    table = opened.predictions.group_by("split").agg(pl.col("study").n_unique())
    predicted = dict(table.iter_rows())
    scored = {name: expected[name] for name in SPLITS[1:]}
    found += mapping_differences(
        {"predictions.parquet": predicted}, {"predictions.parquet": scored}
    )
    yield compared(DATA, "studies per split", 2 * len(SPLITS) + len(scored), found)


def studies(opened: RunUnderAudit) -> Iterator[Check]:
    """studies.parquet: each study's split, scan and distance from the training scans."""
    name = "studies.parquet from the splits and embeddings"
    if not opened.folder.table("studies").is_file():
        raise NotAvailableError("the run predates studies.parquet")
    stored = opened.folder.read("studies")
    splits, model = opened.splits, opened.model
    again = studies_table(splits.by_name, opened.cache, model.classifier, model.familiarity)
    found = table_differences(stored, again, ("study",), 1e-6)
    yield compared(DATA, name, cells(again), found)


def provenance_again(opened: RunUnderAudit) -> Iterator[Check]:
    """data.json (flow, population, label sources and counts) from the cohort's tables."""
    if not opened.folder.data.is_file():
        raise NotAvailableError(f"the run predates {COUNTS}")
    stored = opened.folder.counts()
    again = provenance(opened.cohort, opened.splits, opened.config.blank_policy)
    found = mapping_differences(stored, again)
    found += [f"{key} is not expected" for key in stored.keys() - again.keys()]
    yield compared(DATA, f"{COUNTS} from the cohort", leaves(again), found)
