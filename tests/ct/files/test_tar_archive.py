"""Tars, plain and packed: read like folders, no member written to disk, refused where hostile."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest

from molre.ct.files import archive
from molre.ct.files.tar_archive import TarArchive
from molre.ct.read import read, read_series
from molre.ct.survey import survey
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.archives import KINDS, member, pack, tar_of
from tests.helpers.ct.dicom_files import UID, cube, write_series

TARS = ("tar", "tar.gz")


@pytest.fixture(params=TARS)
def packed(request, tmp_path):
    folder = tmp_path / "packed"
    folder.mkdir()
    return pack(folder / f"study.{request.param}", write_series(tmp_path / "source"))


def test_tar_is_read_like_a_folder(packed):
    np.testing.assert_array_equal(read(packed).hu, cube())
    assert [p.name for p in packed.parent.iterdir()] == [packed.name]


def test_members_are_named_by_archive_and_member(packed):
    (study,) = survey([packed.parent]).studies
    assert study.series[0].files[0] == f"{packed}!inner/000.dcm"
    assert len(read_series(study.series[0].files)) == 5


@pytest.mark.parametrize("name", ["STUDY.dat", "a!b.tgz", "ünï"])
def test_content_counts_and_the_name_does_not(packed, name):
    assert len(read(packed.rename(packed.with_name(name)))) == 5


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_form_of_tar_with_long_names(tmp_path, form):
    paths = write_series(tmp_path / "source")
    deep = "/".join(["a rather long folder name"] * 5)
    with tarfile.open(tmp_path / "x.tar", "w", format=form) as tar:
        for path in paths:
            tar.add(path, f"{deep}/{path.name}")
    volume = read(tmp_path / "x.tar")
    np.testing.assert_array_equal(volume.hu, cube())


def test_old_tar_without_a_magic(tmp_path):
    data = write_series(tmp_path / "source", cube(1))[0].read_bytes()
    header = bytearray(member("one.dcm").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"%011o\0" % len(data)
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    padded = data + bytes(-len(data) % 512)
    (tmp_path / "x.tar").write_bytes(bytes(header) + padded + bytes(1024))
    assert len(read(tmp_path / "x.tar")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_series_spread_over_an_archive_and_a_folder(tmp_path, kind):
    paths = write_series(tmp_path / "study")
    pack(tmp_path / "study" / f"more.{kind}", paths[1::2])
    for path in paths[1::2]:
        path.unlink()
    np.testing.assert_array_equal(read(tmp_path / "study").hu, cube())


def test_two_archives_in_turn(tmp_path):
    paths = write_series(tmp_path / "source")
    (tmp_path / "packed").mkdir()
    pack(tmp_path / "packed/a.tar.gz", paths[::2])
    pack(tmp_path / "packed/b.zip", paths[1::2])
    np.testing.assert_array_equal(read(tmp_path / "packed").hu, cube())


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (member("../evil.dcm"), "outside"),
        (member("/etc/evil.dcm"), "outside"),
        (member("a/../../evil.dcm"), "outside"),
        (member("C:\\evil.dcm"), "outside"),
        (member("link.dcm", tarfile.SYMTYPE, "/etc/passwd"), "link"),
        (member("hard.dcm", tarfile.LNKTYPE, "inner/000.dcm"), "link"),
        (member("pipe.dcm", tarfile.FIFOTYPE), "device or pipe"),
        (member("null.dcm", tarfile.CHRTYPE), "device or pipe"),
        (member("disk.dcm", tarfile.BLKTYPE), "device or pipe"),
    ],
    ids=lambda value: value.name if isinstance(value, tarfile.TarInfo) else "",
)
def test_members_that_lead_elsewhere_are_refused_one_by_one(tmp_path, info, reason):
    paths = write_series(tmp_path / "source")
    good = [(member(f"inner/{path.name}"), path.read_bytes()) for path in paths]
    tar_of(tmp_path / "x.tar", [*good, (info, paths[0].read_bytes())])
    found = survey([tmp_path / "x.tar"])
    assert [study.series[0].slices for study in found.studies] == [5]
    (reject,) = found.rejects
    assert reason in reject.reason
    assert not list(tmp_path.rglob("evil*"))


def test_sparse_member_is_refused(tmp_path):
    info = member("sparse.dcm", tarfile.GNUTYPE_SPARSE)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 512)  # one piece of data
    header[483:495] = b"%011o\0" % 2**33  # what it claims to unpack to
    header[124:136] = b"%011o\0" % 512
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "x.tar").write_bytes(bytes(header) + bytes(512) + bytes(1024))
    with pytest.raises(MolreError, match=r"sparse|it unpacks|would unpack"):
        read(tmp_path / "x.tar")


def test_of_two_members_with_one_name_the_last_counts_and_the_other_is_a_row(tmp_path):
    old, new = write_series(tmp_path / "old", cube(1)), write_series(tmp_path / "new", cube(1) + 1)
    files = [(member("one.dcm"), old[0].read_bytes()), (member("one.dcm"), new[0].read_bytes())]
    tar_of(tmp_path / "x.tar", files)
    assert read(tmp_path / "x.tar").hu[0, 5, 5] == cube(1)[0, 5, 5] + 1
    (reject,) = survey([tmp_path / "x.tar"]).rejects
    assert "same name" in reject.reason


def test_cut_off_anywhere_is_refused(packed):
    whole = packed.read_bytes()
    end = len(whole) if packed.name.endswith("gz") else whole.rindex(b"\x01") + 512
    for share in (0.3, 0.6, 0.9, 0.99):
        packed.write_bytes(whole[: int(end * share) // 512 * 512 or 512])
        with pytest.raises(MolreError):
            read(packed)


def test_cut_off_between_two_members_is_refused(tmp_path):
    path = pack(tmp_path / "x.tar", write_series(tmp_path / "source"))
    with tarfile.open(path) as tar:
        border = tar.getmembers()[-1].offset
    path.write_bytes(path.read_bytes()[:border])
    with pytest.raises(MolreError, match="cut off or damaged after 4 files"):
        read(path)


def test_damaged_header_in_the_middle_does_not_end_the_archive_without_a_word(tmp_path):
    path = pack(tmp_path / "x.tar", write_series(tmp_path / "source"))
    with tarfile.open(path) as tar:
        third = tar.getmembers()[2].offset
    raw = bytearray(path.read_bytes())
    raw[third + 5] ^= 1
    path.write_bytes(raw)
    with pytest.raises(MolreError, match="damaged after 2 files"):
        read(path)


def test_flipped_bit_in_a_gzipped_tar_is_found_by_its_checksum(tmp_path):
    path = pack(tmp_path / "x.tar.gz", write_series(tmp_path / "source"))
    tar = bytearray(gzip.decompress(path.read_bytes()))
    sound = gzip.compress(bytes(tar))
    tar[tar.index(bytes([0xE0, 0x7F, 0x10, 0])) + 40] ^= 1
    path.write_bytes(gzip.compress(bytes(tar))[:-8] + sound[-8:])
    with pytest.raises(MolreError, match="not a readable tar"):
        read(path)


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    info = member("a.dcm")
    info.size = 2**30
    with gzip.open(tmp_path / "bomb.tar.gz", "wb", compresslevel=9) as packed:
        packed.write(info.tobuf())
        for _ in range(128):
            packed.write(bytes(2**20))
    with pytest.raises(RefusedScan, match="would unpack"):
        TarArchive(str(tmp_path / "bomb.tar.gz"))


def test_bomb_of_names_is_refused(tmp_path):
    """A header may hold a name as long as it likes, and a reader would keep it in memory."""
    info = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 2**31
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**16))
    with pytest.raises(RefusedScan, match="header of more than"):
        TarArchive(str(tmp_path / "x.tar"))


def test_claims_beyond_the_limits_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1000)  # a hundred times as many take seconds
    header = member("a/b.txt").tobuf()
    path = tmp_path / "many.tar.gz"
    path.write_bytes(gzip.compress(header * 1001 + bytes(1024), 1))
    with pytest.raises(RefusedScan, match="would unpack to 1001 files"):
        TarArchive(str(path))


def test_negative_size_does_not_loop(tmp_path):
    header = bytearray(member("a.dcm").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12  # base 256, minus one
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    for form in (0, 1):
        header[156:157] = [b"0", b"x"][form]
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        (tmp_path / "x.tar").write_bytes(bytes(header) * 3 + bytes(1024))
        with pytest.raises(RefusedScan):
            TarArchive(str(tmp_path / "x.tar"))


@pytest.mark.parametrize("inner", ["zip", "tar", "tar.gz"])
def test_archive_inside_an_archive_is_named(tmp_path, inner):
    path = pack(tmp_path / f"inner.{inner}", write_series(tmp_path / "source"))
    with pytest.raises(MolreError, match="archive inside an archive"):
        read(tar_of(tmp_path / "outer.tar", [(member("x"), Path(path).read_bytes())]))


def test_empty_tar_holds_no_scan(tmp_path):
    with pytest.raises(MolreError):
        read(tar_of(tmp_path / "empty.tar", []))


def test_studies_of_one_tar_stay_apart(tmp_path):
    first = write_series(tmp_path / "a", uid=f"{UID}.1.1")
    second = write_series(tmp_path / "b", uid=f"{UID}.2.1")
    files = [(member(f"{i}"), path.read_bytes()) for i, path in enumerate(first + second)]
    found = survey([tar_of(tmp_path / "x.tar.gz", files)])
    assert [study.series[0].slices for study in found.studies] == [5, 5]
