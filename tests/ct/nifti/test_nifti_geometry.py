"""NIfTI geometry and types, with nibabel as the independent truth.

For any affine, the voxel that nibabel puts at a place in the patient has to be at that place here.
"""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from molre.ct.read import read
from molre.errors import MolreError, RefusedScan

SHAPE = (7, 6, 5)
AXES = [(a, b, c) for a in "LR" for b in "AP" for c in "SI"]


def array(seed=0):
    """Float HU with a value of its own in nearly every voxel, and air."""
    values = np.random.default_rng(seed).permutation(np.prod(SHAPE)).reshape(SHAPE) - 60.0
    values[0] = -1000
    return values


def places(volume):
    """Position in mm (R, A, S) of every voxel of a volume, and its HU."""
    rows, columns = np.indices(volume.hu.shape[1:])
    across, down = volume.orientation
    inside = (
        rows[..., None] * down * volume.pixel_spacing[0]
        + columns[..., None] * across * volume.pixel_spacing[1]
    )
    lps = volume.origins[:, None, None] + inside
    return (lps * [-1, -1, 1]).reshape(-1, 3), volume.hu.ravel()


def check(volume, values, affine):
    """Every voxel is where nibabel puts it."""
    ours, hu = places(volume)
    index = np.indices(values.shape).reshape(3, -1).T
    theirs = nibabel.affines.apply_affine(affine, index)
    wanted = np.rint(np.clip(np.where(np.isfinite(values), values, -1024), -1024, 3071)).ravel()
    distance = np.linalg.norm(ours[:, None] - theirs[None], axis=2)
    nearest = distance.argmin(axis=1)
    assert distance.min(axis=1).max() < 1e-2
    assert sorted(nearest) == list(range(len(theirs)))
    np.testing.assert_array_equal(hu, wanted[nearest])


def save(path, values, affine, kind=nibabel.Nifti1Image, dtype=np.float32):
    image = kind(values.astype(dtype), affine)
    image.set_qform(None, 0)
    image.set_sform(affine, 1)
    nibabel.save(image, path)
    return path


@settings(max_examples=60)
@given(
    angles=st.tuples(*[st.floats(-20, 20)] * 3),
    axes=st.permutations(range(3)),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    zooms=st.tuples(*[st.floats(0.3, 4.5)] * 3),
    shear=st.tuples(*[st.floats(-0.5, 0.5)] * 2),
    origin=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_any_affine(tmp_path_factory, angles, axes, flips, zooms, shear, origin):
    """Axes in any order and direction, oblique, slices sheared as by a tilted gantry."""
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix = turn @ np.diag(flips)
    matrix[:, 2] += matrix[:, 0] * shear[0] + matrix[:, 1] * shear[1]  # the slice axis alone
    matrix = (matrix * zooms)[:, axes]
    affine = nibabel.affines.from_matvec(matrix, origin)
    values = array().transpose(axes)
    path = save(tmp_path_factory.mktemp("affine") / "x.nii", values, affine)
    if np.degrees(np.arccos(abs(turn[2, 2]))) > 29.9:
        return  # too far from axial
    volume = read(path)
    check(volume, values, affine)
    assert (volume.origins[1:, 2] > volume.origins[:-1, 2]).all()


@pytest.mark.parametrize("codes", AXES, ids="".join)
def test_named_orders_of_axes(tmp_path, codes):
    signs = [{"R": 1, "A": 1, "S": 1}.get(code, -1) for code in codes]
    affine = np.diag([*(np.array(signs) * [0.5, 0.6, 5]), 1])
    assert nibabel.aff2axcodes(affine) == codes
    check(read(save(tmp_path / "x.nii.gz", array(), affine)), array(), affine)


def test_shear_in_plane_is_refused(tmp_path):
    affine = np.diag([0.5, 0.5, 5, 1.0])
    affine[0, 1] = 0.1
    with pytest.raises(RefusedScan, match="sheared in plane"):
        read(save(tmp_path / "x.nii", array(), affine))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<i4", "<f4", ">f4", "<f8", "<i8"])
def test_types(tmp_path, dtype, kind, suffix):
    header = kind.header_class(endianness=dtype[0])
    header.set_data_dtype(np.dtype(dtype))
    image = kind(array(), np.diag([-0.5, -0.5, 5, 1]), header)
    nibabel.save(image, tmp_path / f"x{suffix}")
    loaded = nibabel.load(tmp_path / f"x{suffix}")
    check(read(tmp_path / f"x{suffix}"), loaded.get_fdata(), loaded.affine)


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, -1024.0), (0.5, -900.5), (0.0, 7.0)])
def test_slope_and_intercept(tmp_path, slope, intercept):
    stored = np.rint((array() + 1024) / 2)
    stored[0] = -1000 if slope == 0 else 0
    dtype = np.int16 if slope == 0 else np.uint16
    path = save(tmp_path / "x.nii", stored, np.diag([-0.5, -0.5, 5, 1]), dtype=dtype)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(raw)
    loaded = nibabel.load(path)
    assert loaded.get_fdata()[1, 1, 1] == (stored[1, 1, 1] * (slope or 1) + intercept * (slope > 0))
    check(read(path), loaded.get_fdata(), loaded.affine)


def test_values_that_are_not_numbers(tmp_path):
    values = array()
    values[1, 1, 1], values[2, 2, 2], values[3, 3, 3] = np.nan, np.inf, -np.inf
    affine = np.diag([-0.5, -0.5, 5, 1])
    volume = read(save(tmp_path / "x.nii", values, affine))
    check(volume, values, affine)
    assert any("3 voxels were not numbers" in note for note in volume.notes)


def _both(path, sform, qform):
    image = nibabel.Nifti1Image(array().astype(np.int16), sform)
    image.set_sform(sform, 1)
    image.set_qform(qform, 1)
    nibabel.save(image, path)
    return path


def test_sform_wins_over_a_different_qform_and_says_so(tmp_path):
    sform, qform = np.diag([-0.5, -0.5, 5, 1]), np.diag([-0.5, -0.5, 5, 1])
    qform[2, 3] = 12.0
    volume = read(_both(tmp_path / "x.nii", sform, qform))
    check(volume, array(), nibabel.load(tmp_path / "x.nii").affine)
    check(volume, array(), sform)
    assert any("qform and sform are up to 12.0 mm apart" in note for note in volume.notes)
    same = read(_both(tmp_path / "y.nii", sform, sform))
    assert not any("qform" in note for note in same.notes)


def test_qform_alone(tmp_path):
    image = nibabel.Nifti1Image(array().astype(np.int16), None)
    qform = nibabel.affines.from_matvec(
        Rotation.from_euler("x", 15, degrees=True).as_matrix() @ np.diag([-0.5, 0.5, 5]), [1, 2, 3]
    )
    image.set_qform(qform, 1)
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "x.nii")
    check(read(tmp_path / "x.nii"), array(), qform)


def test_qform_and_sform_that_mirror_each_other_are_refused(tmp_path):
    """The same mistake on a scan of a stroke treats the wrong side."""
    path = _both(tmp_path / "x.nii", np.diag([-0.5, -0.5, 5, 1]), np.diag([0.5, -0.5, 5, 1]))
    with pytest.raises(RefusedScan, match="left and right"):
        read(path)


@pytest.mark.parametrize("turn", [[-1, -1, 1], [-1, 1, -1]])
def test_qform_and_sform_that_are_turned_against_each_other_are_refused(tmp_path, turn):
    """Neither mirrors the other, and left is right all the same."""
    sform = np.diag([-0.5, -0.5, 5, 1])
    path = _both(tmp_path / "x.nii", sform, np.diag([*turn, 1]) @ sform)
    with pytest.raises(RefusedScan, match="left and right"):
        read(path)


def test_a_slice_distance_of_0_is_not_taken_as_1_mm(tmp_path):
    qform = np.diag([-0.5, -0.5, 5, 1])
    data = bytearray(_both(tmp_path / "x.nii", qform, qform).read_bytes())
    data[88:92], data[254:256] = np.float32(0).tobytes(), bytes(2)  # pixdim[3], sform_code
    (tmp_path / "x.nii").write_bytes(data)
    with pytest.raises(RefusedScan, match=r"0\.5 x 0\.5 x 0 mm \(pixdim\)"):
        read(tmp_path / "x.nii")


@pytest.mark.parametrize(("pixdim", "said"), [((2, 2, 5), True), ((1, 1, 1), False)])
def test_an_sform_of_another_size_than_the_header_states_is_said(tmp_path, pixdim, said):
    sform = np.diag([-0.5, -0.5, 5, 1])
    save(tmp_path / "x.nii", array(), sform, dtype=np.int16)
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[80:92] = np.array(pixdim, "<f4").tobytes()
    (tmp_path / "x.nii").write_bytes(data)
    volume = read(tmp_path / "x.nii")
    check(volume, array(), sform)
    assert any("its header states 2 x 2 x 5 (pixdim)" in note for note in volume.notes) == said


def test_slices_behind_those_that_the_header_claims_are_said(tmp_path):
    save(tmp_path / "x.nii", array(), np.diag([-0.5, -0.5, 5, 1]), dtype=np.int16)
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[46:48] = np.int16(3).tobytes()  # dim[3], which was 5
    (tmp_path / "x.nii").write_bytes(data)
    notes = read(tmp_path / "x.nii").notes
    assert any("behind its 3 slices, as many as 2 more would take" in note for note in notes)


@pytest.mark.parametrize("tail", [b"junk" * 9, b"\x1f\x8c", bytes(40) + b"x"])
def test_what_lies_behind_a_gzip_stream_is_no_part_of_it(tmp_path, tail):
    affine = np.diag([-0.5, -0.5, 5, 1])
    save(tmp_path / "x.nii.gz", array(), affine, dtype=np.int16)
    with (tmp_path / "x.nii.gz").open("ab") as file:
        file.write(tail)
    volume = read(tmp_path / "x.nii.gz")
    check(volume, array(), affine)
    assert any("behind the end of its gzip stream: ignored" in note for note in volume.notes)


@pytest.mark.parametrize("said", ["unknown", "meter", "mm", "micron"])
@pytest.mark.parametrize(("zoom", "unit"), [(0.0005, "meters"), (488.0, "micrometers")])
def test_voxels_in_another_unit_are_refused_by_its_name(tmp_path, zoom, unit, said):
    path = _in_unit(tmp_path / "x.nii", zoom, said)
    words = {"unknown": "no unit", "meter": "meters", "micron": "micrometers"}.get(said, said)
    with pytest.raises(RefusedScan, match=f"in {unit}, not in mm .its header says {words}"):
        read(path)


@pytest.mark.parametrize("said", ["unknown", "meter", "mm", "micron"])
def test_a_unit_that_fits_no_head_is_not_believed(tmp_path, said):
    volume = read(_in_unit(tmp_path / "x.nii", 0.5, said))
    assert volume.pixel_spacing == pytest.approx((0.5, 0.5))
    assert any("size of a head's in mm" in note for note in volume.notes) == (
        said in ("meter", "micron")
    )


def _in_unit(path, zoom, said):
    image = nibabel.Nifti1Image(array().astype(np.int16), np.diag([-zoom, -zoom, 10 * zoom, 1]))
    image.header.set_xyzt_units(said)
    nibabel.save(image, path)
    return path


def test_more_behind_the_voxels_than_a_trailer_is_refused(tmp_path):
    path = save(tmp_path / "x.nii", array(), np.diag([-0.5, -0.5, 5, 1]))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(path.read_bytes() + bytes(1000)))
    assert len(read(tmp_path / "a.nii.gz")) == 5
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(path.read_bytes() + bytes(2**22)))
    with pytest.raises(RefusedScan, match="inflates to more"):
        read(tmp_path / "b.nii.gz")


def test_flipped_bit_in_a_gzipped_nifti_is_found_by_its_checksum(tmp_path):
    path = save(tmp_path / "x.nii", array(), np.diag([-0.5, -0.5, 5, 1]))
    whole = bytearray(path.read_bytes())
    sound = gzip.compress(whole)
    whole[400] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(whole)[:-8] + sound[-8:])
    with pytest.raises(MolreError, match="cut off or damaged"):
        read(tmp_path / "a.nii.gz")
