"""Leakage between splits is found in the cohort and in the predictions."""

from __future__ import annotations

import shutil

import polars as pl

from molre.audit.audit import audit
from molre.audit.check import FAIL, FLAG
from molre.cohort.cohort import write_table


def outcomes(done) -> dict[str, str]:
    return {check.name: check.outcome for check in done.checks}


def test_leakage_is_found_in_the_cohort(trained, run, tmp_path):
    """The same pixels in train and test fail; a shared accession number is flagged."""
    moved = shutil.copytree(trained / "cohort", tmp_path / "moved")
    scans = pl.read_parquet(moved / "scans.parquet")
    splits = dict(pl.read_csv(moved / "splits.csv").iter_rows())
    train = next(p for p in scans["patient"] if splits[p] == "train")
    test = next(p for p in scans["patient"] if splits[p] == "test")
    pixels = scans.filter(pl.col("patient") == train)["pixel_hash"][0]
    both = pl.col("patient").is_in([train, test])
    scans = scans.with_columns(
        pixel_hash=pl.when(pl.col("patient") == test).then(pl.lit(pixels)).otherwise("pixel_hash"),
        aliases=pl.when(both).then(pl.lit(["accession"])).otherwise(pl.col("aliases")),
    )
    write_table(moved / "scans.parquet", scans)
    found = outcomes(audit(run, cohort=moved))
    assert found["no equal pixels in two splits"] == FAIL
    assert found["no name (UID, accession, folder) shared by patients of two splits"] == FLAG


def test_a_patient_in_two_splits_fails(run):
    table = pl.read_parquet(run / "predictions.parquet")
    test = table.filter(pl.col("split") == "test")["patient"][0]
    tune = table.filter(pl.col("split") == "tune")["study"][0]
    moved = pl.when(pl.col("study") == tune).then(pl.lit(test)).otherwise(pl.col("patient"))
    table.with_columns(patient=moved).write_parquet(run / "predictions.parquet")
    assert audit(run).failed
