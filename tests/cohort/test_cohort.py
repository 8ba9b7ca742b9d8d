from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import Cohort, write_table
from molre.errors import MolreError
from tests.helpers.cohort.cohorts import write_cohort


def test_a_cohort_opens_and_names_what_it_lacks(tmp_path: Path):
    cohort = Cohort(write_cohort(tmp_path / "c", {"s1": "p1", "s2": "p1"}))
    assert cohort.scans().height == cohort.chosen().height == 2
    assert not cohort.synthetic
    with pytest.raises(MolreError, match=r"no labels\.parquet.*[Mm]olre label"):
        cohort.labels()
    with pytest.raises(MolreError, match=r"no splits.*[Mm]olre split"):
        cohort.splits()


def test_flags_of_older_tables_are_read_by_their_present_names(tmp_path: Path):
    cohort = Cohort(write_cohort(tmp_path / "c", {"s1": "p1"}))
    flags = pl.Series([["off_centre", "noisy", "paediatric"]], dtype=pl.List(pl.String))
    write_table(cohort.path / "scans.parquet", cohort.scans().with_columns(flags=flags))
    assert cohort.scans()["flags"].to_list() == [["off_center", "noisy", "pediatric"]]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, "not a cohort"),
        ('{"format_version": 99}', "newer"),
        ("{", "damaged"),
        ("[]", "damaged"),
    ],
)
def test_what_is_no_cohort_is_refused(tmp_path: Path, facts: str | None, said: str):
    if facts is not None:
        (tmp_path / "cohort.json").write_text(facts)
    with pytest.raises(MolreError, match=said):
        Cohort(tmp_path)


@pytest.mark.parametrize("left", [None, b""])
def test_a_cohort_without_its_salt_says_so(tmp_path: Path, left: bytes | None):
    path = write_cohort(tmp_path / "c", {"s1": "p1"})
    (path / "salt").unlink()
    if left is not None:
        (path / "salt").write_bytes(left)
    with pytest.raises(MolreError, match="has no salt"):
        _ = Cohort(path).salt


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "damaged"),
        ("patient,fold\na,test\n", "damaged"),
        ("patient,split\na,validation\n", "damaged"),
        ("patient,split\na\n", "damaged"),
        ("patient,split\na,test\nb,tune\na,train\n", "patient a is listed twice"),
    ],
)
def test_splits_that_somebody_broke_are_refused(tmp_path: Path, text: str, said: str):
    path = write_cohort(tmp_path / "c", {"s1": "p1"})
    (path / "splits.csv").write_text(text)
    with pytest.raises(MolreError, match=said):
        Cohort(path).splits()


def test_only_chosen_series_that_could_be_read_are_to_be_used(tmp_path: Path):
    path = write_cohort(tmp_path / "c", {"s1": "p1", "s2": "p2", "s3": "p3"})
    scans = Cohort(path).scans()
    first, second, third = scans["study"]
    scans = scans.with_columns(
        chosen=pl.col("study") != first,
        content_hash=pl.when(pl.col("study") != second).then("content_hash"),
    )
    write_table(path / "scans.parquet", scans)
    assert Cohort(path).chosen()["study"].to_list() == [third]


def test_a_damaged_table_is_refused_with_the_remedy(tmp_path: Path):
    path = write_cohort(tmp_path / "c", {"s1": "p1"})
    (path / "scans.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(MolreError, match=r"damaged.*[Mm]olre ingest"):
        Cohort(path).scans()
