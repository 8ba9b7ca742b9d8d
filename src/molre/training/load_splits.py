"""From a cohort to the splits a run trains on: chosen series, patients' splits, known labels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from molre import files
from molre.cohort.cohort import SPLITS, Cohort
from molre.errors import MolreError
from molre.labels.findings import FindingsTable
from molre.labels.policy import of_sources, targets
from molre.progress import say
from molre.runs.studies import Studies
from molre.training.data import Inputs, known_findings


@dataclass(frozen=True)
class Splits:
    """The four splits, the findings they can be trained on, and :func:`data_hashes`.

    ``sources`` are those whose labels count; none are all.
    """

    by_name: dict[str, Studies]
    findings: tuple[str, ...]
    hashes: dict[str, str]
    sources: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Studies:
        """One split."""
        return self.by_name[name]


def load_splits(
    cohort: Cohort,
    cache: Inputs,
    table: FindingsTable,
    policy: str,
    floor: int,
    *,
    include_not_head: bool = False,
    sources: tuple[str, ...] = (),
) -> Splits:
    """Join scans, splits and labels.

    Only studies that have an embedding are used, and of these only whole heads with a brain inside
    (the column ``head``) unless ``include_not_head``; how many are left out is said, and how many
    have no split yet, or have labels and are in the cohort no more. A finding is
    trained if it has at least ``floor`` known positives and negatives in train. Labels that are of
    none of the ``sources`` are unknown.

    Raises:
        MolreError: an empty split, no label of a source, or no finding that can be trained.
    """
    rows = cohort.chosen().join(cohort.splits(), on="patient", how="inner").sort("study")
    _say_strays(cohort, len(rows))
    rows = _embedded(rows, cache)
    if not include_not_head:
        rows = _heads(rows)
    labels = of_sources(cohort.labels(), sources)
    known = targets(labels, rows["study"].to_list(), table, policy)
    split = rows["split"].to_numpy()
    by_name = {}
    for name in SPLITS:
        here = np.flatnonzero(split == name)
        by_name[name] = Studies(
            tuple(rows["study"][here.tolist()]),
            tuple(rows["patient"][here.tolist()]),
            tuple(rows["content_hash"][here.tolist()]),
            known[here],
        )
        if not len(here):
            raise MolreError(
                f"split {name!r} has no study that could be embedded",
                where=cohort.path,
                fix="ingest more scans, or split again with other fractions"
                + ("" if include_not_head else "; --set include_not_head=true takes partial heads"),
            )
    findings = known_findings(by_name["train"].targets, table.ids, floor)
    if not findings:
        raise MolreError(
            f"no finding has {floor} known positives and {floor} negatives in train",
            where=cohort.path,
            fix="label more scans (`molre label`), or lower --set min_labels",
        )
    columns = [table.ids.index(f) for f in findings]
    return Splits(
        {name: replace(s, targets=s.targets[:, columns]) for name, s in by_name.items()},
        tuple(findings),
        data_hashes(cohort),
        sources,
    )


def _say_strays(cohort: Cohort, split: int) -> None:
    """Scans that came after the split, and labels of scans that have gone."""
    chosen, there = len(cohort.chosen()), cohort.scans()["study"]
    if split < chosen:
        say(
            f"{chosen - split} of {chosen} scans left out: their patients have no split yet "
            f"(molre split {cohort.path})"
        )
    labeled = cohort.labels()["study_id"].unique()
    gone = len(labeled) - int(labeled.is_in(there.implode()).sum())
    if gone:
        say(
            f"labels of {gone} of {len(labeled)} studies left out: the cohort has no such studies "
            "any more (molre label, with the current table)"
        )


def _embedded(rows: pl.DataFrame, cache: Inputs) -> pl.DataFrame:
    """Without the scans that could not be read again."""
    there = rows.filter([h in cache for h in rows["content_hash"]])
    left_out = len(rows) - len(there)
    if left_out:
        say(
            f"{left_out} of {len(rows)} scans left out: without an embedding, as their files could "
            "not be read again (molre embed says why)"
        )
    return there


def _heads(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the scans whose head check failed; one that was not checked stays."""
    heads = rows.filter(pl.col("head").fill_null(value=True))
    left_out = len(rows) - len(heads)
    if left_out:
        say(
            f"{left_out} of {len(rows)} scans left out: not a whole head with a brain inside "
            "(scans.parquet, head_reasons); --set include_not_head=true takes them"
        )
    return heads


def data_hashes(cohort: Cohort) -> dict[str, str]:
    """SHA-256 of the scans, splits and labels that a run is made from, as its manifest keeps them.

    Scans count by their content, so that a cohort may be moved.

    Raises:
        MolreError: the cohort has no scans, splits or labels, or one of them is damaged.
    """
    scans = cohort.chosen().select("study", "content_hash").sort("study")
    cohort.splits(), cohort.labels()  # say what is missing
    return {
        "scans_sha256": hashlib.sha256(scans.write_csv().encode()).hexdigest(),
        "splits_sha256": files.sha256(cohort.path / "splits.csv"),
        "labels_sha256": files.sha256(cohort.path / "labels.parquet"),
    }
