"""What lies beside scans: told from them by content, and never hidden by a name."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from molre.cohort.rejects import Rejected
from molre.ct.listing import list_studies
from molre.ct.survey import survey
from tests.helpers.ct.dicom_files import cube, one_slice, save, save_bare, write_series

NAMES = [
    "README", "readme.md", "LICENSE", "LICENSE.dcm", "Version2_head", "version", "DICOMDIR",
    "NOTICE.txt", "Thumbs.db", ".DS_Store", ".hidden", "._IM1", "desktop.ini", "lockfile",
    "changelog.json", "scan.IMA", "SCAN.DCM", "mask.npz", "a.zip", "report.pdf", "labels.csv",
    "cohort.json", "copying", "x.parquet",
]  # fmt: skip


def nifti(path: Path) -> None:
    import nibabel

    image = nibabel.Nifti1Image(cube(), np.eye(4))
    data = image.to_bytes()
    path.write_bytes(gzip.compress(data) if path.name.lower().endswith("gz") else data)


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_of_any_name_is_a_scan(tmp_path: Path, name: str):
    for folder in "abc":
        (tmp_path / folder).mkdir()
    save(one_slice(cube()[0]), tmp_path / "a" / name)
    save_bare(one_slice(cube()[1]), tmp_path / "b" / name, implicit=True)
    nifti(tmp_path / "c" / name)
    with zipfile.ZipFile(tmp_path / "d", "w") as archive:
        archive.write(tmp_path / "a" / name, name)
        archive.write(tmp_path / "c" / name, f"c/{name}")
    found = list_studies([tmp_path])
    files = {file for study in found.studies for file in study.files}
    disk = {str(tmp_path / folder / name) for folder in "abc"}
    assert files == disk | {f"{tmp_path}/d!{name}", f"{tmp_path}/d!c/{name}"}
    assert not found.rejects
    assert not found.ignored


@pytest.mark.parametrize("name", ["Version2_head.nii.gz", "README.NII", "license_1.nii", "COPYING"])
def test_a_nifti_of_any_name_is_a_scan_and_a_broken_one_is_named(tmp_path: Path, name: str):
    nifti(tmp_path / name)
    assert len(list_studies([tmp_path]).studies) == 1
    write_series(tmp_path / "good")
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:300])
    found = survey([tmp_path])
    told = {reject.file for reject in found.rejects} | set(found.ignored)
    told |= {study.key.removeprefix("path:") for study in found.studies}  # it has a whole header
    assert str(tmp_path / name) in told


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, mask=np.zeros((4, 4)))
    return stream.getvalue()


def office() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    return stream.getvalue()


BESIDE = {
    "sidecar.json": b'{"Modality": "CT"}', "truth.npz": npz(), "._IM1": b"\0\5\x16\7\0\2\0\0",
    "table": b"PAR1\0\0", "model": (9).to_bytes(8, "little") + b'{"a": 1}\0',
    ".DS_Store": b"\0\0\0\1Bud1",
    "x.volume": b"molrevol\1\0\0\0", "letter.docx": office(), "Thumbs.db": b"\xd0\xcf\x11\xe0\0",
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", BESIDE)
def test_what_is_no_scan_by_content_is_left_beside(tmp_path: Path, name: str, packed: bool):
    write_series(tmp_path)
    if packed:
        with zipfile.ZipFile(tmp_path / "all", "w") as archive:
            archive.writestr(f"in/{name}", BESIDE[name])
    else:
        (tmp_path / name).write_bytes(BESIDE[name])
    found = list_studies([tmp_path])
    assert not found.rejects
    assert found.ignored
    assert all(name in file for file in found.ignored)


CLOSED = {
    "nested.zip": "an archive inside an archive", "a.7z": "7-Zip", "a.rar": "RAR",
    "a.dcm.gz": "a gzipped DICOM file", "locked.zip": "encrypted", "cut.zip": "not a readable zip",
    "gone": "leads nowhere",
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_what_nobody_can_look_into_may_hold_scans_and_is_lost(tmp_path: Path, name: str):
    write_series(tmp_path)
    slice_ = save(one_slice(cube()[0]), tmp_path / "1.dcm").read_bytes()
    (tmp_path / "1.dcm").unlink()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("1.dcm", slice_)
    data = stream.getvalue()
    path = tmp_path / name
    if name == "gone":
        path.symlink_to(tmp_path / "nowhere")
    elif name == "nested.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.zip", data)
    elif name == "locked.zip":
        for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            at = data.index(signature) + flags
            data = data[:at] + bytes([data[at] | 1]) + data[at + 1 :]
        path.write_bytes(data)
    else:
        starts = {"a.7z": b"7z\xbc\xaf\x27\x1c", "a.rar": b"Rar!\x1a\7", "cut.zip": data[:-30]}
        path.write_bytes(starts.get(name) or gzip.compress(slice_))
    (reject,) = list_studies([tmp_path]).rejects
    assert CLOSED[name] in reject.reason
    assert Rejected.of_file(reject, b"salt", used=False).lost


def test_a_cohort_in_the_folder_of_scans_is_not_walked(tmp_path: Path):
    from molre.cohort.ingest import ingest

    write_series(tmp_path / "a")
    for _ in range(3):
        done = ingest([tmp_path], tmp_path / "cohort", salt=b"salt")
        assert (done.studies, done.refused, done.exit_code) == (1, 0, 0)
    assert survey([tmp_path]).ignored == (str(tmp_path / "cohort"),)
    (tmp_path / "cohort" / "cohort.json").unlink()  # as a first run that was interrupted leaves it
    assert survey([tmp_path]).ignored == (str(tmp_path / "cohort"),)
    (reject,) = list_studies([tmp_path / "cohort"]).rejects
    assert "a cohort that molre wrote" in reject.reason


@pytest.mark.parametrize("facts", [{"participants": 4}, [], "head"])
def test_a_cohort_json_of_somebody_else_hides_no_scan(tmp_path: Path, facts: object):
    write_series(tmp_path)
    (tmp_path / "cohort.json").write_text(json.dumps(facts))
    assert len(survey([tmp_path]).studies) == 1
