"""Zips: read like folders, never unpacked to disk, and refused where they are hostile."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from molre.ct.read import read, read_series
from molre.ct.survey import survey
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.dicom_files import cube, write_series


@pytest.fixture
def packed(tmp_path):
    """A series in a zip, and the folder that the zip lies in."""
    paths = write_series(tmp_path / "source")
    folder = tmp_path / "packed"
    folder.mkdir()
    with zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, f"inner/{path.name}")
    return folder / "study.zip"


def test_zip_is_read_like_a_folder(packed):
    volume = read(packed)
    np.testing.assert_array_equal(volume.hu, cube())
    assert sorted(p.name for p in packed.parent.iterdir()) == ["study.zip"]


def test_members_are_named_by_archive_and_member(packed):
    (study,) = survey([packed.parent]).studies
    assert study.series[0].files[0] == f"{packed}!inner/000.dcm"
    assert len(read_series(study.series[0].files)) == 5


def test_zip_by_content_whatever_its_name(packed):
    other = packed.rename(packed.with_name("STUDY.dat"))
    assert len(read(other)) == 5


@pytest.mark.parametrize(
    "name", ["../evil.dcm", "/etc/evil.dcm", "a/../../evil.dcm", "C:\\evil.dcm"]
)
def test_names_that_lead_outside_are_refused(packed, name):
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, archive.read("inner/000.dcm"))
    found = survey([packed])
    assert len(found.studies) == 1
    (reject,) = found.rejects
    assert "outside" in reject.reason
    assert not list(packed.parent.parent.glob("evil*"))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.dcm", "w", force_zip64=True) as member,
    ):
        for _ in range(100):
            member.write(bytes(2**20))
    with pytest.raises(MolreError, match="unpack"):
        read(path)


def test_small_member_that_compresses_well_is_no_bomb(tmp_path):
    empty = np.full((3, 512, 512), -1000, np.int16)
    paths = write_series(tmp_path / "source", empty)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    assert len(read(tmp_path / "a.zip")) == 3


def test_damaged_zip_is_refused_and_the_rest_is_still_read(packed):
    write_series(packed.parent / "z")
    packed.write_bytes(packed.read_bytes()[:-300])
    with pytest.raises(MolreError):
        read(packed)
    found = survey([packed.parent])
    assert len(found.studies) == 1
    assert [r.file for r in found.rejects] == [str(packed)]


def test_damaged_member_is_named(packed):
    raw = bytearray(packed.read_bytes())
    at = raw.index(b"inner/002.dcm") + 60
    raw[at : at + 40] = bytes(40)
    packed.write_bytes(raw)
    try:
        notes = " ".join(read(packed).notes)
    except RefusedScan as refusal:
        notes = str(refusal)
    assert "002.dcm" in notes


def test_archive_inside_an_archive_is_named(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(packed, "study.zip")
    with pytest.raises(MolreError, match="archive inside an archive"):
        read(tmp_path / "outer.zip")


def test_encrypted_member_is_named(packed):
    raw = bytearray(packed.read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = -1
        while (at := raw.find(signature, at + 1)) >= 0:
            raw[at + flags] |= 1
    packed.write_bytes(raw)
    with pytest.raises(MolreError, match="encrypted"):
        read(packed)


def test_empty_zip_holds_no_scan(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(MolreError):
        read(tmp_path / "empty.zip")


def test_nifti_in_a_zip(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(cube(), np.eye(4))
    stream = io.BytesIO(image.to_bytes())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("scan.nii", stream.getvalue())
    assert read(tmp_path / "a.zip").hu.size == cube().size


def test_name_that_is_no_text(packed):
    """The directory says UTF-8, and it is not."""
    raw = bytearray(packed.read_bytes())
    at = raw.rindex(b"inner/002.dcm")
    raw[at + 6], raw[at - 46 + 9] = 0xA2, raw[at - 46 + 9] | 8
    packed.write_bytes(raw)
    with pytest.raises(MolreError, match="not a readable zip"):
        read(packed)


def test_member_without_a_name(packed):
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("x", archive.read("inner/000.dcm"))
        archive.filelist[-1].filename = ""
    found = survey([packed])
    assert found.studies[0].series[0].slices == 5
    assert [reject.reason for reject in found.rejects] == ["it has no name"]
