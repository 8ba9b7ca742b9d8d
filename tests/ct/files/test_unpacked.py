"""A gzip, bzip2 or xz is unpacked to what its own program gives; bombs are refused in time."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile

import numpy as np
import pytest

from molre.ct.files import archive
from molre.ct.files import unpacked as module
from molre.ct.files.tar_archive import TarArchive
from molre.ct.files.unpacked import packed_kind, unpacked
from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import RefusedScan
from tests.helpers.ct.archives import pack
from tests.helpers.ct.dicom_files import cube, write_series

KINDS = {
    "gzip": lambda data: gzip.compress(data, 1),
    "bzip2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}
TARS = {"w:gz": {"compresslevel": 1}, "w:bz2": {"compresslevel": 1}, "w:xz": {"preset": 0}}
SIZE = 2_300_000


@pytest.fixture(scope="module")
def plain():
    return np.random.default_rng(0).integers(0, 8, SIZE, np.uint8).tobytes()


def content(path) -> bytes:
    with unpacked(str(path)) as file:
        file.seek(0)
        return file.read()


@pytest.mark.parametrize("kind", KINDS)
def test_all_streams_of_a_file_and_zeros_behind_them(tmp_path, plain, kind):
    press, path = KINDS[kind], tmp_path / "x"
    path.write_bytes(press(plain[: SIZE // 2]) + press(plain[SIZE // 2 :]) + bytes(700))
    assert packed_kind(path.read_bytes()) == kind
    assert packed_kind(plain) is None
    assert content(path) == plain


@pytest.mark.parametrize("cut", [1, 9, 2000])
@pytest.mark.parametrize("kind", KINDS)
def test_cut_off(tmp_path, kind, cut):
    path = tmp_path / "cut"
    path.write_bytes(KINDS[kind](np.random.default_rng(1).bytes(30_000))[:-cut])
    with pytest.raises(EOFError, match="cut off"):
        unpacked(str(path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_MATTERS_BYTES", 2**20)
    path = tmp_path / "bomb"
    path.write_bytes(KINDS[kind](bytes(20 * 2**20)))
    with pytest.raises(RefusedScan, match="beyond the limits") as refused:
        unpacked(str(path))
    assert "1 files and 20 MiB" not in refused.value.what


def test_an_xz_that_wants_much_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "XZ_BYTES", 1 << 20)
    path = pack(tmp_path / "study.tar.xz", write_series(tmp_path / "source", cube(2)))
    (reject,) = survey(path).rejects
    assert reject.reason == "an xz file, not DICOM or NIfTI"


@pytest.mark.parametrize("name", ["study.tar.gz", "study.tar.bz2", "a!b", "STUDY.DAT"])
@pytest.mark.parametrize("mode", TARS)
def test_a_tar_within_is_read_like_a_folder(tmp_path, mode, name):
    paths = write_series(tmp_path / "source")
    with tarfile.open(tmp_path / name, mode, **TARS[mode]) as tar:
        for path in reversed(paths):
            tar.add(path, f"inner/{path.name}")
    np.testing.assert_array_equal(read(tmp_path / name).hu, cube())
    (study,) = survey(tmp_path / name).studies
    assert study.series[0].files[0] == f"{tmp_path / name}!inner/000.dcm"


def test_what_is_unpacked_has_no_name_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    """So nothing of a patient stays there, even of a process that is killed."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    path = pack(tmp_path / "study.tar.gz", write_series(tmp_path / "source"))
    opened = TarArchive(str(path))
    for member in opened.members():
        assert len(opened.read(member.name)) == member.size
        assert not list(temporary.iterdir())
    opened.close()
    temporary.rmdir()
    np.testing.assert_array_equal(read(path).hu, cube())  # it is not unpacked a second time


@pytest.mark.parametrize("kind", ["bzip2", "xz"])
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
    assert "readable tar (cut off)" in reject.reason
    assert reject.remedy


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz"])
def test_an_archive_that_is_replaced_is_read_anew(tmp_path, kind):
    path = tmp_path / f"x.{kind}"
    for seed in (0, 1):
        hu = cube(seed=seed)
        pack(path, write_series(tmp_path / f"source{seed}", hu))
        np.testing.assert_array_equal(read(path).hu, hu)
