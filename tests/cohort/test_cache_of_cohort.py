"""Every stage that looks at a cohort's pixels reads them from its volume cache."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from molre.backbones.contract import Contract
from molre.cli.main import app
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.cache.volume_file import pack, unpack
from molre.ct.read import read_series
from molre.ct.volume import Acquisition, SliceSource, Volume, shown_age
from molre.phantom.write import write_phantoms
from molre.training.placements.end_to_end import Pixels
from tests.helpers.cohort.dicoms import write_study


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Phantoms with their cohort."""
    write_phantoms(tmp_path / "scans", 3, seed=6, max_slices=8, workers=1)
    ingest([tmp_path / "scans"], tmp_path / "cohort", workers=1)
    return tmp_path


def test_training_reads_the_same_pixels_from_the_cache(made: Path) -> None:
    cohort, contract = Cohort(made / "cohort"), Contract(size=64)
    from_files, hashes = Pixels(cohort, contract), cohort.chosen()["content_hash"].to_list()
    wanted = {h: (from_files.get(h), from_files.index(h)) for h in hashes}
    for files in cohort.chosen()["files"].to_list():
        volumes_of(cohort.path).put(read_series(files))
    shutil.rmtree(made / "scans")
    from_cache = Pixels(cohort, contract)
    assert len(hashes) == 3
    for content_hash, (pixels, index) in wanted.items():
        assert torch.equal(from_cache.get(content_hash), pixels)
        assert (from_cache.index(content_hash) == index).all()


def test_ingest_fills_the_cache_once_and_mends_it(made: Path) -> None:
    scans, cohort = made / "scans", Cohort(made / "cohort")
    hashes, cache = sorted(cohort.chosen()["content_hash"]), volumes_of(cohort.path)
    assert cache.hashes() == []

    def again() -> dict[str, int]:
        ingest([scans], cohort.path, workers=1, cache=True)
        assert cache.hashes() == hashes
        assert list(cache.damaged()) == []
        return {h: cache.path(h).stat().st_mtime_ns for h in hashes}

    filled = again()  # a cohort that was read without
    assert again() == filled
    cache.path(hashes[0]).unlink()
    cut = cache.path(hashes[1])
    cut.write_bytes(cut.read_bytes()[:100])
    mended = again()
    assert [h for h in hashes if mended[h] == filled[h]] == hashes[2:]


@pytest.mark.parametrize("age", [None, 0.02, 17.0, 88.9, 89.0, 89.01, 90.0, 104.0])
def test_ages_are_as_in_the_table_of_scans(age: float | None) -> None:
    volume = Volume(
        hu=np.zeros((1, 4, 4), np.int16),
        origins=np.zeros((1, 3)),
        orientation=np.eye(3)[:2],
        pixel_spacing=(1.0, 1.0),
        source=(SliceSource(0),),
        acquisition=Acquisition(age=age),
    )
    assert unpack(pack(volume)).acquisition.age == shown_age(age)


def test_doctor_looks_at_every_byte_of_the_cache(tmp_path: Path) -> None:
    write_study(tmp_path / "scans", "1.2.10", slices=6)
    out = tmp_path / "cohort"
    ingest([tmp_path / "scans"], out, cache=True)
    command = ["doctor", "--cohort", str(out), "--json"]
    last = json.loads(CliRunner().invoke(app, command).stdout)[-1]
    assert (last["result"], last["found"]) == ("PASS", "1 volumes, all intact")
    (path,) = (out / "volumes").iterdir()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    last = json.loads(CliRunner().invoke(app, command).stdout)[-1]
    assert last["result"] == "WARN"
    assert "damaged" in last["found"]
