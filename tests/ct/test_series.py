import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.dicom.header import read_header
from molre.ct.series import grouped, stacks
from tests.helpers.ct.dicom_files import UID, ct_slice, cube, one_slice, save, write_series


def headers(paths):
    found = []
    for path in paths:
        data = path.read_bytes()
        found.append(read_header(io.BytesIO(data), str(path), len(data)))
    return found


def test_two_kernels_under_one_series_uid_are_two_stacks(tmp_path):
    soft = write_series(tmp_path / "soft", ConvolutionKernel="H31s")
    bone = write_series(tmp_path / "bone", ConvolutionKernel="H60s")
    found = stacks(headers([*soft, *bone]))
    kernels = sorted(stack.members[0].header.acquisition.kernel for stack in found)
    assert kernels == ["H31s", "H60s"]
    assert all(len(stack.distinct) == 5 for stack in found)


def test_two_sizes_and_two_orientations_are_apart(tmp_path):
    small = write_series(tmp_path / "small", cube(4, 8, 8))
    large = write_series(tmp_path / "large", cube(4, 12, 10))
    tilted = write_series(tmp_path / "tilted", cube(4, 12, 10), tilt=15)
    assert len(stacks(headers([*small, *large, *tilted]))) == 3


@pytest.mark.parametrize(
    ("names", "patients"),
    [(("0042", "42 "), 1), (("Doe-1", "DOE-1"), 1), (("42", "anonymous"), 1), (("42", "43"), 2)],
)
def test_spellings_of_one_patient_in_a_series_are_one_patient(tmp_path, names, patients):
    def name(index, ds):
        ds.PatientID = names[index % 2]

    found = grouped(headers(write_series(tmp_path, edit=name)))
    assert (len(found.stacks), len(found.refused)) == ((1, 0) if patients == 1 else (0, 5))


def test_rounded_orientations_are_one_stack(tmp_path):
    def blur(index, ds):
        ds.ImageOrientationPatient = [1, 0.0001 * index, 0, 0, 1, 0.0002 * index]

    assert len(stacks(headers(write_series(tmp_path, edit=blur)))) == 1


def test_scanner_that_counts_acquisitions_up_is_one_stack(tmp_path):
    def count(index, ds):
        ds.AcquisitionNumber = index + 1

    (stack,) = stacks(headers(write_series(tmp_path, edit=count)))
    assert len(stack.distinct) == 5


def test_slice_scanned_again_stands_apart(tmp_path):
    def count(index, ds):
        ds.AcquisitionNumber = index + 1

    paths = write_series(tmp_path / "first", edit=count)

    def again(index, ds):
        ds.AcquisitionNumber = 9
        ds.SOPInstanceUID = f"{UID}.7.{index}"

    paths += write_series(tmp_path / "again", edit=again)[2:3]
    assert [len(stack.distinct) for stack in stacks(headers(paths))] == [5, 1]


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_first_pass_comes_first_whatever_the_files_are_called(tmp_path, names):
    def again(index, ds):
        ds.AcquisitionNumber = 2
        ds.SOPInstanceUID = f"{UID}.0.{index}"

    paths = write_series(tmp_path / names[0]) + write_series(tmp_path / names[1], edit=again)
    numbers = [stack.members[0].plane.acquisition_number for stack in stacks(headers(paths))]
    assert numbers == [1, 2]


def test_copy_of_a_file_is_the_same_slice_twice(tmp_path):
    paths = write_series(tmp_path / "one") + write_series(tmp_path / "two")[1:2]
    (stack,) = stacks(headers(paths))
    assert len(stack.distinct) == 5
    assert [len(group) for group in stack.slices()] == [1, 2, 1, 1, 1]


def test_copy_with_an_instance_number_of_its_own_is_the_same_slice_twice(tmp_path):
    def again(index, ds):
        ds.SOPInstanceUID, ds.InstanceNumber = f"{UID}.7.{index}", 6

    paths = write_series(tmp_path / "one") + write_series(tmp_path / "two", edit=again)[1:2]
    (stack,) = stacks(headers(paths))
    assert [len(group) for group in stack.slices()] == [1, 2, 1, 1, 1]


def test_lossy_copies_stay_with_their_slices_in_each_of_two_sets(tmp_path):
    def copy(series, lossy):
        def edit(index, ds):
            ds.SOPInstanceUID = f"{UID}.{series}.{lossy}.{index + 1}"
            ds.AcquisitionNumber, ds.InstanceNumber = series, 100 * lossy + index
            ds.LossyImageCompression = f"0{lossy}"
            if lossy:
                ds.ImageType = ["DERIVED", "SECONDARY"]

        return edit

    paths = []
    for series in (1, 2):
        for lossy in (0, 1):
            paths += write_series(tmp_path / f"{series}{lossy}", edit=copy(series, lossy))
    found = stacks(headers(paths))
    assert [[len(group) for group in stack.slices()] for stack in found] == [[2] * 5] * 2
    for number, stack in enumerate(found, 1):
        assert {member.plane.acquisition_number for member in stack.members} == {number}


def test_series_of_the_same_place_stay_apart(tmp_path):
    paths = write_series(tmp_path / "a", uid=f"{UID}.1.1")
    paths += write_series(tmp_path / "b", uid=f"{UID}.1.2")
    assert len(stacks(headers(paths))) == 2


def test_series_half_a_step_apart_stay_apart(tmp_path):
    def up(index, ds):
        ds.ImagePositionPatient = [-20, -30, 102.5 + 5 * index]

    paths = write_series(tmp_path / "a", uid=f"{UID}.1.1")
    paths += write_series(tmp_path / "b", uid=f"{UID}.1.2", edit=up)
    assert [len(stack.distinct) for stack in stacks(headers(paths))] == [5, 5]


def test_files_without_series_uid_are_grouped_by_folder(tmp_path):
    def forget(index, ds):
        del ds.SeriesInstanceUID

    paths = write_series(tmp_path / "a", edit=forget) + write_series(tmp_path / "b", edit=forget)
    assert len(stacks(headers(paths))) == 2


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(6)), st.floats(0.5, 10))
def test_order_of_files_does_not_matter(tmp_path_factory, order, step):
    folder = tmp_path_factory.mktemp("order")
    paths = write_series(folder, cube(6, 4, 4), step=step)
    (stack,) = stacks(headers([paths[i] for i in order]))
    assert stack.files == tuple(str(path) for path in paths)
    assert np.allclose(np.diff(stack.heights), step, atol=1e-4)


def test_single_slice_is_a_stack(tmp_path):
    path = save(one_slice(cube()[0]), tmp_path / "x")
    (stack,) = stacks(headers([path]))
    assert stack.distinct.shape == (1,)


def test_stack_knows_its_series(tmp_path):
    path = save(ct_slice(cube()[0].astype("u2"), f"{UID}.4.2"), tmp_path / "x")
    assert headers([path])[0].acquisition.series_uid == f"{UID}.4.2"
