"""The traps again, made of a real series: 28 slices of a Philips scanner, 512 x 512."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pydicom import dcmread

from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import TURNS, save, save_bare
from tests.helpers.traps.objects import multi_frame
from tests.helpers.traps.scan import Scan, store


@pytest.fixture(scope="module")
def series(shared):
    """The files, ascending."""
    folder = shared / "data" / "philips_ingenuity_phantom_study" / "S2010"
    files = [path for path in folder.iterdir() if path.is_file()]
    return sorted(files, key=lambda p: float(dcmread(p).ImagePositionPatient[2]))


@pytest.fixture(scope="module")
def truth(series):
    """What pydicom alone reads: HU by slope and intercept, positions by the header."""
    slices = [dcmread(path) for path in series]
    hu = [ds.pixel_array.astype(int) * int(ds.RescaleSlope) + int(ds.RescaleIntercept)
          for ds in slices]  # fmt: skip
    return Scan(
        hu=np.clip(hu, -1024, 3071).astype(np.int16),
        origins=np.array([ds.ImagePositionPatient for ds in slices], dtype=float),
        orientation=np.array(slices[0].ImageOrientationPatient, dtype=float).reshape(2, 3),
        spacing=tuple(map(float, slices[0].PixelSpacing)),
    )


@pytest.fixture
def copy(series, tmp_path):
    """A folder with copies of the files, 00.dcm to 27.dcm, ascending."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for i, path in enumerate(series):
        shutil.copy(path, folder / f"{i:02d}.dcm")
    return folder


def same(volume, truth):
    np.testing.assert_array_equal(volume.hu, truth.hu)
    np.testing.assert_allclose(volume.origins, truth.origins, atol=1e-3)


def changed(path, to=None, **header):
    ds = dcmread(path)
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    ds.save_as(to or path)


def test_the_series_itself(copy, truth):
    same(read(copy), truth)


def test_missing_slice(copy, truth):
    (copy / "09.dcm").unlink()
    volume = read(copy)
    same(volume, truth.keep([*range(9), *range(10, 28)]))
    assert any("1 slice missing between slice 9 and 10 of 27" in note for note in volume.notes)


def test_duplicate_with_a_uid_of_its_own(copy, truth):
    changed(copy / "09.dcm", copy / "again.dcm", SOPInstanceUID="1.2.3.4")
    volume = read(copy)
    same(volume, truth)
    assert any("1 duplicate" in note for note in volume.notes)


def test_other_pixels_at_one_position(copy):
    ds = dcmread(copy / "09.dcm")
    pixels = ds.pixel_array.copy()
    pixels[256, 256] += 1
    ds.PixelData = pixels.tobytes()
    ds.SOPInstanceUID = "1.2.3.4"
    ds.save_as(copy / "again.dcm")
    with pytest.raises(RefusedScan, match="differ in their pixels"):
        read(copy)


def test_localizer_under_the_same_uid(copy, shared, truth):
    scout = next((shared / "data/philips_ingenuity_phantom_study/S1000").iterdir())
    same_uid = dcmread(copy / "00.dcm").SeriesInstanceUID
    changed(scout, copy / "scout.dcm", SeriesInstanceUID=same_uid)
    volume = read(copy)
    same(volume, truth)
    assert any("scout.dcm: a localizer" in note for note in volume.notes)


def test_two_kernels_in_one_folder(copy, truth):
    for path in sorted(copy.glob("*.dcm")):
        ds = dcmread(path)
        ds.ConvolutionKernel, ds.SeriesInstanceUID = "YB", "1.2.3"
        ds.SOPInstanceUID += ".1"
        ds.PixelData = (ds.pixel_array // 2).astype(ds.pixel_array.dtype).tobytes()
        ds.save_as(copy / f"bone{path.name}")
    volume = read(copy)
    same(volume, truth)
    assert any("best of 2 series" in note and "soft kernel UB" in note for note in volume.notes)


def test_no_preamble(copy, truth):
    for path in copy.iterdir():
        save_bare(dcmread(path), path, implicit=False)
    same(read(copy), truth)


def test_slope_differs_from_slice_to_slice(copy, truth):
    for i, path in enumerate(sorted(copy.iterdir())):
        ds = dcmread(path)
        slope = (1, 2, 4)[i % 3]
        hu = truth.hu[i].astype(int) // 4 * 4
        ds.PixelData = ((hu + 1024) // slope).astype(np.uint16).tobytes()
        ds.RescaleSlope, ds.RescaleIntercept = slope, -1024
        ds.save_as(path)
    volume = read(copy)
    np.testing.assert_array_equal(volume.hu, truth.hu.astype(int) // 4 * 4)


@pytest.mark.parametrize("position", ["head first prone", "feet first supine", "decubitus right"])
def test_patient_lies_otherwise(tmp_path, truth, position):
    store(tmp_path, truth, turn=TURNS[position])
    same(read(tmp_path), truth)


def test_all_slices_in_one_enhanced_ct(tmp_path, truth):
    save(multi_frame(truth), tmp_path / "enhanced.dcm")
    same(read(tmp_path), truth)
