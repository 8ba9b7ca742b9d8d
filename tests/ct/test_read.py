"""read: what comes out of a folder of DICOM, however it was written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.read import read, read_series
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.dicom_files import (
    TURNS,
    UID,
    Turn,
    cube,
    enhanced,
    one_slice,
    save,
    save_bare,
    set_pixels,
    write_series,
)


def test_plain_series_comes_back_as_written(tmp_path):
    hu = cube()
    write_series(tmp_path, hu)
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.hu, hu)
    np.testing.assert_allclose(volume.origins[0], [-20, -30, 100])
    np.testing.assert_allclose(volume.steps, 5.0)
    np.testing.assert_allclose(volume.orientation, [[1, 0, 0], [0, 1, 0]])
    assert volume.pixel_spacing == (2.0, 2.0)
    assert volume.acquisition.kernel == "H31s"
    assert volume.acquisition.age == 63
    assert [s.sop_instance_uid for s in volume.source] == [f"{UID}.1.1.{i}" for i in range(1, 6)]


@pytest.mark.parametrize("position", TURNS)
@pytest.mark.parametrize("descending", [False, True])
def test_anatomy_lands_the_same_way_in_every_patient_position(tmp_path, position, descending):
    hu = cube()
    names = [f"{9 - i if descending else i}.dcm" for i in range(len(hu))]
    write_series(tmp_path, hu, turn=TURNS[position], names=names, spacing=(2.0, 1.5))
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.hu, hu)
    assert volume.pixel_spacing == (2.0, 1.5)
    np.testing.assert_allclose(volume.origins[0], [-20, -30, 100], atol=1e-5)
    np.testing.assert_allclose(volume.orientation, [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_patient_position_tag_is_not_believed(tmp_path):
    write_series(tmp_path, PatientPosition="FFP")
    np.testing.assert_array_equal(read(tmp_path).hu, cube())


@settings(max_examples=15, deadline=None)
@given(
    order=st.permutations(range(5)),
    letters=st.lists(st.text("abcXYZ019", min_size=1, max_size=6), min_size=5, max_size=5),
    turn=st.builds(Turn, st.booleans(), st.booleans(), st.booleans()),
)
def test_names_and_order_of_files_change_nothing(tmp_path_factory, order, letters, turn):
    plain = tmp_path_factory.mktemp("plain")
    mixed = tmp_path_factory.mktemp("mixed")
    thickness = {i: 5 if i < 3 else 7 for i in range(5)}

    def differ(i, ds):
        ds.SliceThickness = thickness[i]

    write_series(plain, turn=turn, edit=differ)
    names = [f"{word}{place}" for word, place in zip(letters, order, strict=True)]
    paths = write_series(mixed, turn=turn, edit=differ, names=names)
    first, second = read(plain), read(mixed)
    np.testing.assert_array_equal(first.hu, second.hu)
    np.testing.assert_array_equal(first.origins, second.origins)
    assert first.source == second.source
    assert first.acquisition == second.acquisition
    assert first.notes == second.notes
    assert first.content_hash == second.content_hash
    third = read_series([str(paths[i]) for i in order])
    assert third.content_hash == first.content_hash


def test_tilt_is_kept_and_named(tmp_path):
    write_series(tmp_path, tilt=18.5, GantryDetectorTilt=-3)
    volume = read(tmp_path)
    assert volume.tilt_degrees == pytest.approx(18.5, abs=0.01)
    np.testing.assert_allclose(volume.steps, 5.0, atol=1e-4)
    assert any("18.5" in note for note in volume.notes)


def test_uneven_spacing_is_kept_and_named(tmp_path):
    write_series(tmp_path, step=[4, 4, 7, 7])
    volume = read(tmp_path)
    np.testing.assert_allclose(volume.steps, [4, 4, 7, 7])
    assert any("uneven" in note for note in volume.notes)
    assert not any("missing" in note for note in volume.notes)


def test_missing_slice_is_located_whatever_the_instance_numbers_say(tmp_path):
    paths = write_series(tmp_path, cube(8))
    paths[4].unlink()
    volume = read(tmp_path)
    note = next(n for n in volume.notes if "missing" in n)
    assert "1 slice missing between slice 4 and 5 " in note
    with pytest.raises(RefusedScan, match="missing"):
        read(tmp_path, missing="refuse")


def test_equal_duplicates_are_dropped(tmp_path):
    write_series(tmp_path / "a")
    write_series(tmp_path / "b")
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.hu, cube())
    assert any("duplicate" in note for note in volume.notes)


def test_unequal_slices_on_one_position_are_refused_by_name(tmp_path):
    write_series(tmp_path / "a")

    def other(i, ds):
        ds.SOPInstanceUID += ".9"

    write_series(tmp_path / "b", cube(seed=3), edit=other)
    with pytest.raises(RefusedScan, match=r"two slices are at one position but differ"):
        read(tmp_path)


def test_lossy_copy_gives_way_to_the_lossless_original(tmp_path):
    write_series(tmp_path / "original")

    def lossy(i, ds):
        ds.SOPInstanceUID += ".9"
        ds.LossyImageCompression = "01"

    write_series(tmp_path / "a copy", cube() + np.int16(3), edit=lossy)
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.hu, cube())
    assert any("lossy" in note for note in volume.notes)


def test_lossy_alone_is_read_with_a_note(tmp_path):
    write_series(tmp_path, LossyImageCompression="01")
    assert any("loss" in note for note in read(tmp_path).notes)


def test_localizer_in_the_same_series_is_left_out(tmp_path):
    write_series(tmp_path)
    scout = one_slice(cube()[0])
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scout.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    scout.SOPInstanceUID += ".7"
    save(scout, tmp_path / "000a.dcm")
    volume = read(tmp_path)
    assert len(volume) == 5
    assert any("localizer" in note for note in volume.notes)


def test_slices_numbered_as_acquisitions_of_their_own_are_one_series(tmp_path):
    def step_and_shoot(i, ds):
        ds.AcquisitionNumber = i + 1

    write_series(tmp_path, edit=step_and_shoot)
    assert len(read(tmp_path)) == 5


def test_second_pass_over_the_same_slices_is_taken_apart(tmp_path):
    write_series(tmp_path / "a")

    def again(i, ds):
        ds.SOPInstanceUID += ".9"
        ds.AcquisitionNumber = 2

    write_series(tmp_path / "b", cube(seed=3), edit=again)
    assert len(read(tmp_path)) == 5


def test_enhanced_ct_is_read_frame_by_frame(tmp_path):
    hu = cube()
    save(enhanced(hu, tilt=10, intercepts=[-1024, -1000, -1024, -1100, -1024]), tmp_path / "e.dcm")
    volume = read(tmp_path / "e.dcm")
    np.testing.assert_array_equal(volume.hu, hu)
    assert volume.tilt_degrees == pytest.approx(10, abs=0.01)
    assert [s.frame for s in volume.source] == [0, 1, 2, 3, 4]
    assert volume.acquisition.kernel == "H31s"


def test_enhanced_ct_with_frames_in_reverse_order(tmp_path):
    hu = cube()
    ds = enhanced(hu)
    groups = list(ds.PerFrameFunctionalGroupsSequence)
    ds.PerFrameFunctionalGroupsSequence = groups[::-1]
    set_pixels(ds, (hu[::-1].astype(int) + 1024).astype(np.uint16))
    save(ds, tmp_path / "e.dcm")
    volume = read(tmp_path)
    np.testing.assert_array_equal(volume.hu, hu)
    assert [s.frame for s in volume.source] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.2",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.5",
    ],
)
def test_syntaxes_are_equal_to_the_bit(tmp_path, syntax):
    write_series(tmp_path, syntax=syntax)
    np.testing.assert_array_equal(read(tmp_path).hu, cube())


@pytest.mark.parametrize(("implicit", "little"), [(True, True), (False, True), (False, False)])
def test_files_without_preamble_and_meta_are_read(tmp_path, implicit, little):
    save_bare(one_slice(cube()[0]), tmp_path / "bare", implicit=implicit, little=little)
    np.testing.assert_array_equal(read(tmp_path / "bare").hu[0], cube()[0])


def test_several_studies_in_one_path_are_counted(tmp_path):
    write_series(tmp_path / "a", uid=f"{UID}.1.1")
    write_series(tmp_path / "b", uid=f"{UID}.2.1")
    with pytest.raises(MolreError, match="2 studies") as error:
        read(tmp_path)
    assert not isinstance(error.value, RefusedScan)


def test_absent_path_is_named(tmp_path):
    with pytest.raises(MolreError, match="no such file") as error:
        read(tmp_path / "nowhere")
    assert "nowhere" in str(error.value)


def test_empty_folder_holds_no_scan(tmp_path):
    with pytest.raises(MolreError):
        read(tmp_path)


def test_file_cut_short_is_refused_by_name(tmp_path):
    paths = write_series(tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-50])
    with pytest.raises(RefusedScan, match=r"002\.dcm.*cut"):
        read_series([str(p) for p in paths])


def test_cut_file_is_named_when_the_folder_is_read(tmp_path):
    paths = write_series(tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-50])
    try:
        notes = read(tmp_path).notes
    except RefusedScan as refusal:
        notes = (str(refusal),)
    assert any("cut" in note and "002.dcm" in note for note in notes)


def test_file_that_is_gone_is_named(tmp_path):
    paths = write_series(tmp_path)
    paths[1].unlink()
    with pytest.raises(RefusedScan, match=r"001\.dcm"):
        read_series([str(p) for p in paths])
