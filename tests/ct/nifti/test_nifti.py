import gzip

import nibabel
import numpy as np
import pytest

from molre.ct.read import read
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.sampled_volumes import head, sampled

HEIGHTS = np.arange(-75, 80, 5.0)


@pytest.fixture(scope="module")
def scan():
    return sampled(head(), HEIGHTS, pixel_mm=4.0)


def save(path, array, affine, dtype=np.int16):
    image = nibabel.Nifti1Image(array.astype(dtype), affine)
    image.set_qform(None, 0)  # a sheared affine fits no quaternion
    nibabel.save(image, path)
    return path


def ras(volume):
    """Affine (column, row, slice, 1) to mm (R, A, S, 1), and the array in that order."""
    lps = volume.affine[:, [2, 1, 0, 3]]
    return volume.hu.transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ lps


@pytest.mark.parametrize("codes", ["LPS", "RAS", "LAS", "LIP", "PSR", "SAL", "ASR", "IRP"])
def test_any_order_of_axes_gives_the_same_volume(tmp_path, scan, codes):
    array, affine = ras(scan)
    turn = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(codes)
    )
    turned = nibabel.orientations.apply_orientation(array, turn)
    moved = affine @ nibabel.orientations.inv_ornt_aff(turn, array.shape)
    volume = read(save(tmp_path / "x.nii.gz", turned, moved))
    assert np.array_equal(volume.hu, scan.hu)
    assert np.allclose(volume.origins, scan.origins, atol=1e-3)
    assert np.allclose(volume.pixel_spacing, scan.pixel_spacing)
    assert np.allclose(volume.orientation, scan.orientation, atol=1e-6)


@pytest.mark.parametrize("tilt", [-15.0, 20.0])
def test_sheared_affine_of_a_tilted_gantry_is_kept(tmp_path, tilt):
    scan = sampled(head(), HEIGHTS, pixel_mm=4.0, tilt=tilt)
    volume = read(save(tmp_path / "x.nii", *ras(scan)))
    assert np.array_equal(volume.hu, scan.hu)
    assert volume.tilt_degrees == pytest.approx(abs(tilt), abs=0.01)
    assert np.allclose(volume.origins, scan.origins, atol=1e-3)


def test_zero_background_becomes_air_but_zero_inside_stays(tmp_path, scan):
    array, affine = ras(scan)
    array = np.where(array <= -900, 0, array)
    array[28:31, 28:31, 14:17] = 0
    volume = read(save(tmp_path / "x.nii.gz", array, affine))
    assert volume.hu.min() == -1024
    assert (volume.hu[14:17, 28:31, 28:31] == 0).all()
    assert any("background" in note for note in volume.notes)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offset by 1024", lambda hu: hu + 1024),
        ("cut to a window", lambda hu: np.clip(hu, -100, 240)),
        ("scaled to one", lambda hu: (hu + 1024) / 4095),
        ("brain alone", lambda hu: np.where((hu > 0) & (hu < 45), hu, 0)),
        ("a mask", lambda hu: hu > 200),
        ("doubled", lambda hu: np.where(hu < -900, 0, hu * 4 + 1200)),
    ],
)
def test_values_that_are_not_hu_are_refused(tmp_path, scan, name, change):
    array, affine = ras(scan)
    path = save(tmp_path / "x.nii.gz", change(array.astype(float)), affine, np.float32)
    with pytest.raises(RefusedScan, match="not in HU"):
        read(path)


def test_eight_bits_cannot_hold_hu(tmp_path, scan):
    array, affine = ras(scan)
    path = save(tmp_path / "x.nii", np.clip(array, 0, 255), affine, np.uint8)
    with pytest.raises(RefusedScan, match="8-bit"):
        read(path)


def test_voxels_that_are_not_numbers_become_air(tmp_path, scan):
    array, affine = ras(scan)
    array = array.astype(np.float32)
    array[0, 0] = np.nan
    volume = read(save(tmp_path / "x.nii.gz", array, affine, np.float32))
    assert (volume.hu[:, 0, 0] == -1024).all()


def test_time_series_and_cut_files_are_refused(tmp_path, scan):
    array, affine = ras(scan)
    series = save(tmp_path / "four.nii", np.stack([array, array], axis=-1), affine)
    with pytest.raises(RefusedScan, match="one 3D scan"):
        read(series)
    whole = save(tmp_path / "whole.nii.gz", array, affine).read_bytes()
    for name, data in (
        ("a.nii.gz", whole[: len(whole) // 2]),
        ("b.nii", gzip.decompress(whole)[:-100]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RefusedScan, match="cut off"):
            read(tmp_path / name)


def test_coronal_slices_that_lean_too_far_are_refused(tmp_path, scan):
    array, affine = ras(scan)
    angle = np.radians(40)
    lean = np.eye(4)
    lean[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    with pytest.raises(RefusedScan, match="off axial"):
        read(save(tmp_path / "x.nii", array, lean @ affine))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_damaged_bytes_never_escape_as_another_error(tmp_path, scan, suffix):
    path = save(tmp_path / f"x{suffix}", *ras(scan))
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for at in random.integers(3, 400, 4):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        try:
            assert read(path).hu.min() >= -1024
        except MolreError:
            continue


def test_oblique_scan_keeps_its_positions(tmp_path, scan):
    array, affine = ras(scan)
    angle = np.radians(16.5)
    lean = np.eye(4)
    lean[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    volume = read(save(tmp_path / "x.nii", array, lean @ affine))
    assert np.array_equal(volume.hu, scan.hu)
    turn = np.diag([-1.0, -1, 1]) @ lean[:3, :3] @ np.diag([-1.0, -1, 1])
    assert np.allclose(volume.origins, scan.origins @ turn.T, atol=1e-3)
    assert np.allclose(volume.orientation, scan.orientation @ turn.T, atol=1e-5)
    assert volume.tilt_degrees == pytest.approx(0, abs=0.01)
