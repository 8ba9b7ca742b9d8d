"""A scan is the same from the volume cache and from its files, and comes from where it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from molre.ct.cache.volume_cache import VolumeCache, scan
from molre.ct.read import read_series
from molre.ct.volume import Volume
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import cube, write_series


@pytest.fixture
def names(tmp_path: Path) -> list[str]:
    """A tilted series with a gap and metal in it."""
    hu = cube(7, 40, 36)
    hu[3, 10:14, 10:14] = 3071
    paths = write_series(tmp_path / "series", hu, step=[4.8, 4.8, 9.6, 4.8, 4.8, 4.8], tilt=14)
    return [str(path) for path in paths]


@pytest.fixture
def cache(tmp_path: Path) -> VolumeCache:
    return VolumeCache(tmp_path / "cohort" / "volumes")


def assert_equal(one: Volume, other: Volume) -> None:
    np.testing.assert_array_equal(one.hu, other.hu)
    np.testing.assert_array_equal(one.origins, other.origins)
    np.testing.assert_array_equal(one.orientation, other.orientation)
    assert one.pixel_spacing == other.pixel_spacing
    assert one.notes == other.notes
    assert one.content_hash == other.content_hash


def test_a_scan_without_cache_is_read_from_its_files(names: list[str], cache: VolumeCache) -> None:
    whole = read_series(names)
    assert_equal(scan(whole.content_hash, names, cache), whole)
    assert not cache.folder.exists()


def test_a_cached_scan_needs_no_files(names: list[str], cache: VolumeCache) -> None:
    whole = read_series(names)
    cache.put(whole)
    shutil.rmtree(Path(names[0]).parent)
    got = scan(whole.content_hash, names, cache)
    assert_equal(got, whole)
    assert whole.notes
    assert got.tilt_degrees == pytest.approx(14, abs=0.01)


def test_a_damaged_file_is_said_and_replaced(
    names: list[str], cache: VolumeCache, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = read_series(names)
    cache.put(whole)
    path = cache.path(whole.content_hash)
    data = path.read_bytes()
    path.write_bytes(data[:-9] + b"\0" + data[-8:])
    assert_equal(scan(whole.content_hash, names, cache), whole)
    assert path.name in capfd.readouterr().err.replace("\n", "")
    assert path.read_bytes() == data
    assert_equal(scan(whole.content_hash, [], cache), whole)
    assert capfd.readouterr().err == ""


def test_without_files_a_damaged_scan_is_refused(names: list[str], cache: VolumeCache) -> None:
    whole = read_series(names)
    cache.put(whole)
    path = cache.path(whole.content_hash)
    path.write_bytes(path.read_bytes()[:-1])
    shutil.rmtree(Path(names[0]).parent)
    with pytest.raises(RefusedScan):
        scan(whole.content_hash, names, cache)


def test_what_cannot_be_replaced_is_read_all_the_same(names: list[str], cache: VolumeCache) -> None:
    whole = read_series(names)
    cache.path(whole.content_hash).mkdir(parents=True)
    assert_equal(scan(whole.content_hash, names, cache), whole)
    assert [p.name for p in cache.folder.iterdir()] == [f"{whole.content_hash}.volume"]


def test_other_pixels_in_the_files_are_refused(
    names: list[str], cache: VolumeCache, tmp_path: Path
) -> None:
    before = read_series(names)
    write_series(tmp_path / "series", cube(7, 40, 36, seed=1), tilt=14)
    with pytest.raises(RefusedScan, match="changed since they were ingested"):
        scan(before.content_hash, names, cache)
