"""studies.parquet: every study of a run, and how unfamiliar it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.errors import MolreError
from molre.runs.folder import RunFolder
from molre.runs.studies import SCHEMA, Studies, read_familiarity

TRAIN = Studies(("a",), ("p",), ("x",), np.zeros((1, 2), dtype=np.float32))
TEST = Studies(("b", "c"), ("q", "r"), ("y", "z"), np.zeros((2, 2), dtype=np.float32))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    rows = [TRAIN.rows("train", None), TEST.rows("test", np.array([0.5, 1.5]))]
    folder.write_table("studies", pl.concat(rows))
    return folder


def test_what_is_written_of_a_study(run: RunFolder) -> None:
    table = run.read("studies")
    assert table.schema == SCHEMA
    assert table.rows() == [
        ("a", "p", "train", "x", None),
        ("b", "q", "test", "y", 0.5),
        ("c", "r", "test", "z", 1.5),
    ]
    assert len(TEST) == 2


def test_distances_are_in_the_order_that_is_asked_for(run: RunFolder) -> None:
    found = read_familiarity(run, ["c", "b"])
    assert found is not None
    np.testing.assert_array_equal(found, [1.5, 0.5])


def test_a_study_without_a_distance_is_refused(run: RunFolder) -> None:
    for study in ("a", "nobody's"):
        with pytest.raises(MolreError, match="does not hold the test studies"):
            read_familiarity(run, [study])


def test_older_runs_have_none(tmp_path: Path) -> None:
    assert read_familiarity(RunFolder(tmp_path / "older"), ["a"]) is None
