"""Two sets under one series UID, in files: what is read is one of them, to the voxel."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import RefusedScan
from tests.helpers.ct.two_sets import TELLING, TELLING_FRAMES, two_sets, two_sets_of_frames
from tests.helpers.ct.varying import VARYING, VARYING_FRAMES, same, varied, varied_frames

# mm
OFFSETS = st.floats(0.05, 2.5) | st.sampled_from([0.0, 0.494, 2.5])
SIDE = st.sampled_from([-1, 1])


def _check(folder, both):
    volume = read(folder)
    assert any(same(one, volume.hu, volume.origins) for one in both)
    assert any("another set in the same range was left out" in note for note in volume.notes)
    (study,) = survey(folder).studies
    assert [one.slices for one in study.series] == [len(both[0].hu)] * 2


@pytest.mark.parametrize("element", TELLING)
@settings(max_examples=2)
@given(offset=OFFSETS, side=SIDE, thickness=st.sampled_from([5.0, None]))
def test_one_of_two_sets_is_read(tmp_path_factory, element, offset, side, thickness):
    if "instance number" in element or element == "lossy compression":  # copies, at one place
        offset = max(offset, 0.05)
    folder = tmp_path_factory.mktemp("sets") / "files"
    _check(folder, two_sets(folder, TELLING[element], side * offset, thickness))


@pytest.mark.parametrize("element", TELLING_FRAMES)
@settings(max_examples=2)
@given(offset=OFFSETS, side=SIDE)
def test_one_of_two_sets_of_frames_is_read(tmp_path_factory, element, offset, side):
    if element == "order of frames":
        offset = max(offset, 0.05)
    folder = tmp_path_factory.mktemp("frames") / "files"
    _check(folder, two_sets_of_frames(folder, TELLING_FRAMES[element], side * offset))


@pytest.mark.parametrize("element", VARYING)
@settings(max_examples=2)
@given(drawn=st.lists(st.integers(0, 2), min_size=14, max_size=14))
@example(drawn=[0] * 11 + [2] * 3)  # the uppermost slices lie in no others
def test_a_head_is_whole_whatever_varies(tmp_path_factory, element, drawn):
    drawn[3:6], drawn[9] = [0, 1, 0], 1  # parts lie in each other
    folder = tmp_path_factory.mktemp("varied") / "files"
    whole = varied(folder, VARYING[element], drawn)
    volume = read(folder)
    assert same(whole, volume.hu, volume.origins)


@pytest.mark.parametrize("element", VARYING_FRAMES)
@settings(max_examples=3)
@given(drawn=st.lists(st.integers(0, 2), min_size=14, max_size=14))
def test_a_head_of_frames_is_whole_whatever_varies(tmp_path_factory, element, drawn):
    folder = tmp_path_factory.mktemp("varied") / "files"
    whole = varied_frames(folder, VARYING_FRAMES[element], drawn)
    volume = read(folder)
    assert same(whole, volume.hu, volume.origins)


@pytest.mark.parametrize("offset", [0.05, 0.3, 1.9])
def test_sets_that_nothing_tells_apart_are_refused(tmp_path, offset):
    two_sets(tmp_path, lambda ds, which, index: None, offset)
    with pytest.raises(RefusedScan, match="which no element tells apart"):
        read(tmp_path)
    assert len(survey(tmp_path).rejects) == 24


@pytest.mark.parametrize("offset", [0.0, 0.7, 2.5, 60.0])
def test_two_patients_in_a_series_are_refused_without_their_names(tmp_path, offset):
    two_sets(
        tmp_path,
        lambda ds, which, index: setattr(ds, "PatientID", ("SECRET-1", "SECRET-2")[which]),
        offset,
    )
    with pytest.raises(RefusedScan, match="belongs to two patients") as refused:
        read(tmp_path)
    assert "SECRET" not in refused.value.message
    assert {reject.dicom for reject in survey(tmp_path).rejects} == {True}


def test_a_patient_id_in_another_case_is_the_same_patient(tmp_path):
    whole = varied(
        tmp_path,
        lambda ds, drawn, index: setattr(ds, "PatientID", ("p1", "P1", "")[drawn]),
        [0, 1, 2, 0, 1, 2, 0, 1],
    )
    assert same(whole, read(tmp_path).hu, read(tmp_path).origins)


def test_other_series_of_the_study_are_read_beside_a_refused_one(tmp_path):
    two_sets(tmp_path / "mixed", lambda ds, which, index: None, 0.3)
    whole = varied(
        tmp_path / "good",
        lambda ds, drawn, index: setattr(ds, "SeriesInstanceUID", ds.StudyInstanceUID + ".9"),
        [0] * 14,
    )
    volume = read(tmp_path)
    assert same(whole, volume.hu, volume.origins)
    assert any("which no element tells apart" in note for note in volume.notes)
