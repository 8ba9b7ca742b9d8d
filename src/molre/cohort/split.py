"""Splits by salted patient hash, frozen in a file: a patient never moves, nor is in two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre import files
from molre.cohort.cohort import SPLITS, Cohort
from molre.cohort.keys import fraction
from molre.errors import MolreError

FRACTIONS = (0.6, 0.1, 0.1, 0.2)


def split(
    cohort: str | Path, fractions: Sequence[float] = FRACTIONS, *, overwrite: bool = False
) -> pl.DataFrame:
    """Give every patient a split and freeze it in COHORT/splits.csv.

    Patients that the file has keep theirs; new ones are added.

    Args:
        cohort: the folder.
        fractions: shares of train, tune, calibrate and test; sum to one.
        overwrite: forget what the file has and deal all patients again.

    Returns:
        patient, split; sorted by patient.

    Raises:
        MolreError: shares that do not sum to one, or equal pixels in two splits.
    """
    opened = Cohort(Path(cohort))
    shares = len(fractions) == len(SPLITS) and all(f >= 0 for f in fractions)
    if not (shares and abs(sum(fractions) - 1) < 1e-6):  # so that nan fails too
        raise MolreError(
            f"shares {', '.join(map(str, fractions))} are not four that sum to 1",
            where="--fractions",
            fix="write for example 0.6 0.1 0.1 0.2",
        )
    scans, path = opened.scans(), opened.path / "splits.csv"
    kept = dict(opened.splits().iter_rows()) if path.is_file() and not overwrite else {}
    patients = sorted({*kept, *scans["patient"]})
    assigned = {p: kept.get(p) or _place(fraction(opened.salt, p), fractions) for p in patients}
    _refuse_twins(scans, assigned, opened.path)
    table = pl.DataFrame(
        {"patient": patients, "split": [assigned[p] for p in patients]},
        schema={"patient": pl.String, "split": pl.String},
    )
    files.write_text(path, table.write_csv())
    return table


def describe(table: pl.DataFrame, cohort: str | Path, as_json: bool = False) -> str:
    """How many patients and studies each split has, as a sentence or as JSON."""
    studies = Cohort(Path(cohort)).scans().select("patient", "study").unique()
    joined = studies.join(table, on="patient", how="left")
    counts = {
        name: {
            "patients": table.filter(pl.col("split") == name).height,
            "studies": joined.filter(pl.col("split") == name).height,
        }
        for name in SPLITS
    }
    if as_json:
        return json.dumps(counts)
    parts = (f"{name} {c['patients']} ({c['studies']} studies)" for name, c in counts.items())
    return "patients: " + ", ".join(parts)


def _place(where: float, fractions: Sequence[float]) -> str:
    edge = 0.0
    for name, share in zip(SPLITS, fractions, strict=True):
        edge += share
        if where < edge:
            return name
    return SPLITS[-1]


def _refuse_twins(scans: pl.DataFrame, assigned: dict[str, str], path: Path) -> None:
    """Equal pixels under two patients of different splits would leak the test set."""
    first: dict[str, tuple[str, str]] = {}
    known = scans.filter(pl.col("pixel_hash").is_not_null())
    for pixels, study, patient in known.select("pixel_hash", "study", "patient").iter_rows():
        other_study, other_split = first.setdefault(pixels, (study, assigned[patient]))
        if other_split != assigned[patient]:
            raise MolreError(
                f"studies {other_study} ({other_split}) and {study} ({assigned[patient]}) have "
                "the same pixels under two patients",
                where=path,
                fix="remove one of the two scans and ingest again",
            )
