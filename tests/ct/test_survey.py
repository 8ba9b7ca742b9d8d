"""survey: every file ends in a series, among the rejects with a reason, or beside the scans."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import MRImageStorage

from molre.ct.listing import Reject
from molre.ct.read import read, read_series
from molre.ct.survey import choose, nothing_found, survey
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.dicom_files import (
    UID,
    Turn,
    ct_slice,
    cube,
    one_slice,
    place,
    positions,
    save,
    write_series,
)


def _kernels(folder, hu=None, **more):
    """A soft and a bone series of one study in one folder, the bone one first by name and UID."""

    def bone(i, ds):
        ds.ConvolutionKernel, ds.SeriesDescription = "H70h", "HEAD 5.0 H70h"

    names = [f"a{i}" for i in range(5)]
    write_series(folder, hu, uid=f"{UID}.1.1", edit=bone, names=names, **more)
    write_series(folder, hu, uid=f"{UID}.1.2", names=[f"b{i}" for i in range(5)], **more)


def test_of_two_kernels_in_one_folder_the_soft_one_is_chosen_and_says_why(tmp_path):
    _kernels(tmp_path)
    (study,) = survey([tmp_path]).studies
    assert len(study.series) == 2
    series, why = choose(study)
    assert series.acquisition.kernel == "H31s"
    assert "soft kernel H31s" in why
    assert "2 series" in why
    volume = read(tmp_path)
    assert volume.acquisition.kernel == "H31s"
    assert any("soft kernel H31s" in note for note in volume.notes)


def test_two_kernels_under_one_series_uid_are_told_apart(tmp_path):
    write_series(tmp_path / "a")

    def bone(i, ds):
        ds.SOPInstanceUID += ".9"
        ds.ConvolutionKernel = "H70h"

    write_series(tmp_path / "b", cube(seed=2), edit=bone)
    assert read(tmp_path).acquisition.kernel == "H31s"
    np.testing.assert_array_equal(read(tmp_path).hu, cube())


def test_where_nothing_is_head_ct_the_most_frequent_reasons_are_said() -> None:
    def refused(*reasons: str) -> list[Reject]:
        return [
            Reject(f"/x/{i}", None, reason, f"undo {reason}") for i, reason in enumerate(reasons)
        ]

    alone = nothing_found(refused("MR"), "/x", RefusedScan)
    assert (type(alone), alone.message) == (RefusedScan, "/x/0: MR. Undo MR.")
    several = nothing_found(refused("a", "b", "b", "c", "d"), "/x")
    assert several.exit_code == 2
    assert several.message == ("/x: no head CT found in 5 files: b; a; c; and 1 more. Undo b.")
    assert nothing_found([], "/x").message == "/x: no files there. Give folders with head CT."


def test_scout_of_the_same_series_uid_is_among_the_rejects(tmp_path):
    write_series(tmp_path)
    scout = one_slice(cube()[0])
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    save(scout, tmp_path / "scout")
    found = survey([tmp_path])
    (reject,) = found.rejects
    assert reject.file == str(tmp_path / "scout")
    assert reject.study == f"{UID}.1"
    assert "localizer" in reject.reason
    assert reject.remedy
    assert found.studies[0].series[0].slices == 5


def test_every_file_is_accounted_for(tmp_path):
    write_series(tmp_path / "ct")
    mr = one_slice(cube()[0])
    mr.SOPClassUID, mr.Modality = MRImageStorage, "MR"
    save(mr, tmp_path / "mr")
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(400))
    (tmp_path / "notes.txt").write_text("a note")
    (tmp_path / "nothing").write_bytes(b"")
    (tmp_path / "LICENSE").write_text("free")
    found = survey([tmp_path])
    used = {f for study in found.studies for s in study.series for f in s.files}
    names = used | {r.file for r in found.rejects} | set(found.ignored)
    assert names == {str(p) for p in tmp_path.rglob("*") if p.is_file()}
    assert {r.file for r in found.rejects if "JPEG" in r.reason} == {str(tmp_path / "picture.jpg")}
    assert all(r.reason and r.remedy for r in found.rejects)


def test_order_of_paths_changes_nothing(tmp_path):
    write_series(tmp_path / "a", uid=f"{UID}.1.1")
    write_series(tmp_path / "b", uid=f"{UID}.2.1")
    paths = [tmp_path / "a", tmp_path / "b"]
    assert survey(paths) == survey(paths[::-1])
    assert survey([*paths, tmp_path]) == survey(paths), "a file given twice counts once"


def test_studies_are_told_apart_by_uid(tmp_path):
    write_series(tmp_path, uid=f"{UID}.1.1", names=[f"a{i}" for i in range(5)])
    write_series(tmp_path, uid=f"{UID}.2.1", names=[f"b{i}" for i in range(5)])
    found = survey([tmp_path])
    assert [s.key for s in found.studies] == [f"{UID}.1", f"{UID}.2"]


def test_series_of_a_survey_are_read_without_more_ado(tmp_path):
    _kernels(tmp_path)
    (study,) = survey([tmp_path]).studies
    for series in study.series:
        assert len(read_series(series.files)) == series.slices


def test_nifti_is_a_study_of_its_own(tmp_path):
    import nibabel

    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(cube(), np.eye(4)), path)
    (study,) = survey([path]).studies
    assert study.key == f"path:{path}"
    assert study.patient_id is None


def test_cut_header_is_refused_without_a_traceback(tmp_path):
    path = write_series(tmp_path)[0]
    whole = path.read_bytes()
    for size in range(100, len(whole) - 200, 37):
        path.write_bytes(whole[:size])
        with pytest.raises(MolreError):
            read(path)


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    path = write_series(tmp_path / "ct")[0]
    whole = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = whole.copy()
        for at in random.integers(132, len(whole), 6):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        try:
            volume = read(path)
        except MolreError:
            continue
        assert volume.hu.min() >= -1024


def test_folder_of_images_says_so(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(400))
    with pytest.raises(MolreError, match="JPEG image"):
        read(tmp_path)


def test_folder_of_mr_says_so(tmp_path):
    write_series(tmp_path, SOPClassUID=MRImageStorage, Modality="MR")
    with pytest.raises(RefusedScan, match="MR"):
        read(tmp_path)


def test_text_file_says_so(tmp_path):
    path = tmp_path / "scan.dcm"
    path.write_text("no scan at all\n" * 40)
    with pytest.raises(MolreError, match="text"):
        read(path)


def test_slices_without_study_uid_belong_to_their_folder(tmp_path):
    origins, orientation = positions(3)
    for i, image in enumerate(cube(3)):
        ds = ct_slice((image.astype(int) + 1024).astype(np.uint16), index=i)
        place(ds, origins[i], orientation, (2.0, 2.0), image.shape, Turn())
        ds.RescaleIntercept = -1024
        del ds.StudyInstanceUID, ds.SeriesInstanceUID
        save(ds, tmp_path / f"{i}.dcm")
    (study,) = survey([tmp_path]).studies
    assert study.key == f"path:{tmp_path}"
    np.testing.assert_array_equal(read(tmp_path).hu, cube(3))
