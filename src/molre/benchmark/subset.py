"""The cohort of a placement that takes only some studies: fewer to fit on, the same to test on."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import polars as pl

from molre import files
from molre.cohort.cohort import SPLITS, Cohort, write_table
from molre.ct.cache.volume_cache import volumes_of
from molre.errors import MolreError

FITTED = SPLITS[:3]  # train, tune, calibrate


def subset(cohort: Cohort, studies: int, folder: Path) -> Path:
    """Write a cohort that fits on ``studies`` studies, split in the same shares.

    Test stays whole, so that arms fitted on all studies and on some are scored on the same ones.
    Which studies is a function of their keys alone. Volumes are those of the whole cohort.

    Args:
        cohort: labeled and split.
        studies: of train, tune and calibrate together.
        folder: of the smaller cohort; what is there is brought up to date.

    Returns:
        ``folder``; or the cohort's own where it has no more studies than that.
    """
    rows = cohort.chosen().join(cohort.splits(), on="patient", how="inner").sort("study")
    fitted = rows.filter(pl.col("split").is_in(FITTED))
    if len(fitted) <= studies:
        return cohort.path
    keep = set(rows.filter(pl.col("split") == "test")["study"])
    for split, count in _shares(fitted, studies).items():
        here = fitted.filter(pl.col("split") == split)["study"].to_list()
        keep |= set(sorted(here, key=_order)[:count])
    folder.mkdir(parents=True, exist_ok=True)
    scans = cohort.scans().filter(pl.col("study").is_in(list(keep)))
    labels = cohort.labels().filter(pl.col("study_id").is_in(list(keep)))
    splits = cohort.splits().filter(pl.col("patient").is_in(scans["patient"].unique().to_list()))
    write_table(folder / "scans.parquet", scans)
    write_table(folder / "labels.parquet", labels)
    files.write_text(folder / "splits.csv", splits.write_csv())
    shutil.copyfile(cohort.path / "cohort.json", folder / "cohort.json")
    _link_volumes(cohort, folder)
    return folder


def _shares(fitted: pl.DataFrame, studies: int) -> dict[str, int]:
    """Studies of each split: in proportion, none of them empty."""
    sizes = {s: fitted.filter(pl.col("split") == s).height for s in FITTED}
    empty = next((s for s, size in sizes.items() if not size), None)
    if empty is not None:
        raise MolreError(f"split {empty!r} has no study", fix="split with other fractions")
    shares = {s: max(1, round(studies * size / len(fitted))) for s, size in sizes.items()}
    shares["train"] = max(1, studies - shares["tune"] - shares["calibrate"])
    return {s: min(count, sizes[s]) for s, count in shares.items()}


def _order(study: str) -> str:
    return hashlib.sha256(study.encode()).hexdigest()


def _link_volumes(cohort: Cohort, folder: Path) -> None:
    ours, theirs = volumes_of(folder).folder, volumes_of(cohort.path).folder.resolve()
    if ours.is_symlink() or ours.exists() or not theirs.is_dir():
        return
    os.symlink(theirs, ours)
