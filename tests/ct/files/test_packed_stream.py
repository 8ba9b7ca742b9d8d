"""Reading a bzip2 or xz at any place gives what their own programs give; bombs are refused."""

from __future__ import annotations

import bz2
import lzma
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.files import archive, packed_stream
from molre.ct.files.packed_stream import PackedStream, packed_kind
from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import RefusedScan
from tests.helpers.ct.archives import pack
from tests.helpers.ct.dicom_files import cube, write_series

KINDS = {
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}
TARS = {"w:bz2": {"compresslevel": 1}, "w:xz": {"preset": 0}}
SIZE = 2_300_000


@pytest.fixture(scope="module")
def plain():
    return np.random.default_rng(0).integers(0, 8, SIZE, np.uint8).tobytes()


@pytest.fixture(scope="module", params=KINDS)
def packed(request, plain, tmp_path_factory):
    """Two members and zeros behind them."""
    path, press = tmp_path_factory.mktemp("packed") / request.param, KINDS[request.param]
    path.write_bytes(press(plain[: SIZE // 2]) + press(plain[SIZE // 2 :]) + bytes(700))
    return path


def stream_of(path, **how) -> PackedStream:
    return PackedStream(str(path), packed_kind(path.read_bytes()[:6]) or "", **how)


@settings(max_examples=5)
@given(st.lists(st.tuples(st.integers(0, SIZE + 9), st.integers(0, 70_000)), max_size=4))
def test_any_order_of_places(plain, packed, wanted):
    with stream_of(packed, kept=1 << 20) as stream:
        for place, size in wanted:
            stream.seek(place)
            found = stream.read(size)
            assert found == plain[place : place + len(found)]
            assert bool(found) == (size > 0 and place < SIZE)


def test_all_of_it_and_its_kind(plain, packed):
    assert packed_kind(packed.read_bytes()) == packed.name
    assert packed_kind(plain) is None
    with stream_of(packed) as stream:
        assert stream.readall() == plain


def test_what_was_read_lately_is_not_unpacked_again(packed, monkeypatch):
    with stream_of(packed) as stream:
        stream.seek(SIZE - 1)
        stream.read(1)
        monkeypatch.setattr(PackedStream, "_fill", None)
        stream.seek(5)
        assert stream.read(9)


@pytest.mark.parametrize("cut", [1, 9, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_cut_off(tmp_path, kind, cut):
    path = tmp_path / "cut"
    path.write_bytes(KINDS[kind](np.random.default_rng(1).bytes(30_000))[:-cut])
    with stream_of(path) as stream, pytest.raises(EOFError):
        stream.readall()


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_MATTERS_BYTES", 2**20)
    path = tmp_path / "bomb"
    path.write_bytes(KINDS[kind](bytes(5 * 2**20)))
    with stream_of(path) as stream, pytest.raises(RefusedScan, match="beyond the limits"):
        stream.readall()


def test_an_xz_that_wants_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(packed_stream, "XZ_BYTES", 1 << 20)
    path = pack(tmp_path / "study.tar.xz", write_series(tmp_path / "source", cube(2)))
    (reject,) = survey(path).rejects
    assert reject.reason == "an xz file, not DICOM or NIfTI"


@pytest.mark.parametrize("name", ["study.tar.bz2", "study.tar.xz", "a!b", "STUDY.DAT"])
@pytest.mark.parametrize("mode", TARS)
def test_a_tar_within_is_read_like_a_folder(tmp_path, mode, name):
    paths = write_series(tmp_path / "source")
    with tarfile.open(tmp_path / name, mode, **TARS[mode]) as tar:
        for path in reversed(paths):
            tar.add(path, f"inner/{path.name}")
    np.testing.assert_array_equal(read(tmp_path / name).hu, cube())
    (study,) = survey(tmp_path / name).studies
    assert study.series[0].files[0] == f"{tmp_path / name}!inner/000.dcm"


@pytest.mark.parametrize("kind", KINDS)
def test_what_holds_no_tar_is_named(tmp_path, kind):
    (tmp_path / "x").write_bytes(KINDS[kind](b"words " * 999))
    (reject,) = survey(tmp_path / "x").rejects
    assert kind in reject.reason
    assert "not DICOM" in reject.reason


@pytest.mark.parametrize("mode", TARS)
def test_a_damaged_tar_within_is_one_sentence(tmp_path, mode):
    path = tmp_path / "x.tar"
    with tarfile.open(path, mode, **TARS[mode]) as tar:
        for one in write_series(
            tmp_path / "source",
            np.random.default_rng(0).integers(-1000, 2000, (8, 128, 100)).astype(np.int16),
        ):
            tar.add(one, one.name)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    found = survey(path)
    assert not found.studies
    (reject,) = found.rejects
    assert "readable tar" in reject.reason
    assert reject.remedy


def test_an_archive_that_is_replaced_is_read_anew(tmp_path):
    path = tmp_path / "x.tar.xz"
    for seed in (0, 1):
        hu = cube(seed=seed)
        pack(path, write_series(tmp_path / f"source{seed}", hu))
        np.testing.assert_array_equal(read(path).hu, hu)
