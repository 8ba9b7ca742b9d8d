"""Splits in the order of salted patient hashes, frozen in a file.

A patient never moves and is never in two. Each patient, in that order, goes to the split that is
furthest below its share, so that the shares hold to within one patient even in a small cohort, and
again after it has grown.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre import files
from molre.cohort.cohort import SPLITS, Cohort
from molre.cohort.keys import fraction
from molre.cohort.support import one_patient
from molre.errors import MolreError

FRACTIONS = (0.6, 0.1, 0.1, 0.2)


def split(
    cohort: str | Path, fractions: Sequence[float] = FRACTIONS, *, overwrite: bool = False
) -> pl.DataFrame:
    """Give every patient a split and freeze it in COHORT/splits.csv.

    Patients that the file has keep theirs; new ones are added where the shares lack them.

    Args:
        cohort: the folder.
        fractions: shares of train, tune, calibrate and test; sum to one.
        overwrite: forget what the file has and deal all patients again.

    Returns:
        patient, split; sorted by patient.

    Raises:
        MolreError: shares that do not sum to one, several studies that are all of one
            patient, or equal pixels in two splits.

    Examples:
        >>> import molre
        >>> table = molre.split("cohort", (0.4, 0.2, 0.2, 0.2))
        >>> sorted(table["split"].unique())
        ['calibrate', 'test', 'train', 'tune']
    """
    opened = Cohort(Path(cohort))
    shares = len(fractions) == len(SPLITS) and all(f >= 0 for f in fractions)
    if not (shares and abs(sum(fractions) - 1) < 1e-6):  # so that nan fails too
        raise MolreError(
            f"shares {', '.join(map(str, fractions))} are not four numbers that sum to 1",
            where="--fractions",
            fix="write for example 0.6 0.1 0.1 0.2",
        )
    scans, path = opened.scans(), opened.path / "splits.csv"
    kept = dict(opened.splits().iter_rows()) if path.is_file() and not overwrite else {}
    patients = sorted({*kept, *scans["patient"]})
    if not kept:
        _refuse_one_patient(scans, fractions, opened.path)
    new = sorted((p for p in patients if p not in kept), key=lambda p: fraction(opened.salt, p))
    assigned = kept | _dealt(new, list(kept.values()), fractions)
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


def _dealt(new: list[str], kept: list[str], fractions: Sequence[float]) -> dict[str, str]:
    """Each new patient, in order, to the split that lacks most; of equals to the smaller one."""
    total = len(new) + len(kept)
    counts = {name: kept.count(name) for name in SPLITS}
    wanted = dict(zip(SPLITS, fractions, strict=True))
    assigned = {}
    for patient in new:
        lacking = {n: round(wanted[n] * total - counts[n], 9) for n in SPLITS if wanted[n]}
        place = max(lacking, key=lambda name: (lacking[name], -counts[name]))
        assigned[patient] = place
        counts[place] += 1
    return assigned


def _refuse_one_patient(scans: pl.DataFrame, fractions: Sequence[float], path: Path) -> None:
    """Many studies, but nobody to train on and another to test on."""
    words = one_patient(scans)
    if words and scans["patient"].n_unique() == 1 and sum(share > 0 for share in fractions) > 1:
        raise MolreError(
            words,
            where=path,
            fix="ingest scans whose Patient IDs, or pseudonyms in their place, differ",
        )


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
