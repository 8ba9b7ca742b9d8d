"""A table is read from the file that is named, whatever its folder is called."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import Cohort
from molre.evaluation.comparison.compare import compare
from molre.runs.run import read_run
from molre.table_files import read_csv, read_parquet, write_csv
from tests.helpers.cohort.cohorts import write_cohort
from tests.helpers.evaluation.runs import write_run

# as people call folders; the first ones are patterns to polars
NAMES = ["s*", "s?", "s[1]", "s[a-z]", "~s", "file:s", "s {1}", "s#1%20", b"caf\xe9", "\N{SNOWMAN}"]


def named(root: Path, name: str | bytes) -> Path:
    import os

    return root / os.fsdecode(name)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_table_that_is_named_is_read(tmp_path: Path, name: str | bytes) -> None:
    table, other = pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [3]})
    for folder, content in ((tmp_path / "s1", other), (named(tmp_path, name), table)):
        folder.mkdir()
        with (folder / "t.parquet").open("wb") as handle:
            content.write_parquet(handle)
        write_csv(folder / "t.csv", content)
    folder = named(tmp_path, name)
    assert read_parquet(folder / "t.parquet").equals(table)
    assert read_csv(folder / "t.csv").equals(table)


def test_a_cohort_named_like_a_pattern_holds_none_of_the_scans_beside_it(tmp_path: Path) -> None:
    for name, study in (("s1", "1.1"), ("s2", "1.2"), ("s?", "1.3"), ("s[1]", "1.4")):
        write_cohort(tmp_path / name, {study: "p"})
    for name in ("s?", "s[1]"):
        assert Cohort(tmp_path / name).scans().height == 1


@pytest.mark.parametrize("name", NAMES)
def test_runs_are_read_and_compared_under_any_name(tmp_path: Path, name: str | bytes) -> None:
    write_run(tmp_path / "s1")
    write_run(tmp_path / "other", arm="frozen")
    place = named(tmp_path, name)
    shutil.copytree(tmp_path / "s1", place)
    assert (read_run(place).probabilities == read_run(tmp_path / "s1").probabilities).all()
    compare([place, tmp_path / "other"], named(tmp_path, name) / "out", draws=20)
    assert (place / "out/comparison.csv").is_file()
