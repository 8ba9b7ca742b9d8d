"""A folder full of hostile files beside good studies, ingested by workers with limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.cohort.ingest import Ingested, ingest
from molre.cohort.rejects import read_rejects
from tests.helpers.cohort.dicoms import write_study
from tests.helpers.ct.hostile import FILES, write_all

READ = {"fragment claims.dcm"}  # what is wrong with it does not touch its pixels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    write_all(folder)
    write_study(folder / "first", "1.2.10", "PID-1", seed=1)
    write_study(folder / "last", "1.2.11", "PID-2", seed=2)
    write_study(folder / "empty dcm", "1.2.12", "PID-3", seed=3)  # beside a hostile file
    return folder


@pytest.fixture(scope="module")
def found(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    out = tmp_path_factory.mktemp("out") / "cohort"
    return ingest([folder], out, workers=2, salt=b"salt", seconds=60, memory=2 * 2**30)


def test_good_studies_are_read(found: Ingested):
    chosen = found.cohort.chosen()
    assert sorted(chosen["slices"]) == [1] * len(READ) + [26] * 3
    assert found.exit_code == 1


@pytest.mark.parametrize("name", FILES)
def test_every_hostile_file_is_a_row(found: Ingested, folder: Path, name: str):
    place = str(folder / name.replace(".", " "))
    rows = [
        row
        for row in read_rejects(found.cohort.path / "rejects.csv")
        if row["file"] == place or row["file"].startswith(f"{place}/")
    ]
    assert bool(rows) == (name not in READ)
    for row in rows:
        assert row["reason"]
        assert row["remedy"]
        assert "crashed" not in row["reason"]
        assert "could not be read (" not in row["reason"]


def test_workers_change_nothing(found: Ingested, folder: Path, tmp_path: Path):
    other = ingest([folder], tmp_path / "cohort", workers=1, salt=b"salt", seconds=60)
    for name in ("rejects.csv", "scans.parquet"):
        assert (other.cohort.path / name).read_bytes() == (found.cohort.path / name).read_bytes()


def test_nothing_was_written_beside_the_cohort(found: Ingested, folder: Path):
    assert not list(folder.parent.rglob("evil*.dcm"))
    assert not Path("/tmp/evil.dcm").exists()
