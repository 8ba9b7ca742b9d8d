"""The real scans beside the repository are read right: values, geometry, choices, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from molre.ct.checks.head import check_head
from molre.ct.read import read, read_series
from molre.ct.resample import straight
from molre.ct.survey import choose, survey
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.tilt_oracle import agreement, upright_pixels

LOSSLESS = ("2", "2.1", "2.2", "2.1.99", "2.5", "2.4.57", "2.4.70", "2.4.80", "2.4.90")


@pytest.fixture(scope="module")
def ge(shared):
    return read(shared / "data" / "ge_hispeed_head_tilt")


@pytest.fixture(scope="module")
def philips(shared):
    return shared / "data" / "philips_ingenuity_phantom_study"


def _syntax(shared, uid):
    return shared / "data" / "ct_transfer_syntaxes" / f"ct_1.2.840.10008.1.{uid}.dcm"


def test_ge_geometry_is_kept_as_acquired(ge):
    assert len(ge) == 28
    assert ge.tilt_degrees == pytest.approx(18.5, abs=0.05)
    steps = np.round(ge.steps, 2)
    np.testing.assert_array_equal(steps, [4.0] * 13 + [1.08] + [7.0] * 13)
    assert not ge.is_even
    assert ge.pixel_spacing == pytest.approx((0.4883, 0.4883), abs=1e-4)


def test_ge_padding_is_air_and_values_are_hu(ge):
    assert ge.hu.min() == -1024
    assert ge.hu.max() == 2121
    assert np.median(ge.hu[ge.hu < -900]) <= -990


def test_ge_notes_name_tilt_and_spacing_and_no_missing_slice(ge):
    notes = " ".join(ge.notes)
    assert "18.5" in notes
    assert "uneven" in notes
    assert "missing" not in notes


def test_ge_is_a_whole_head(ge):
    check = check_head(ge)
    assert check.ok, check.reasons
    assert 90 < check.coverage_mm < 150


def test_ge_straightened_has_upright_air_around_a_head(ge):
    copy, affine = straight(ge, (5.0, 2.0, 2.0), average=False)
    assert copy.shape[0] == 29  # 144 mm
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), [5, 2, 2])
    assert float(copy.min()) == pytest.approx(-1024, abs=0.1)
    np.testing.assert_allclose((copy > -300).float().mean(), (ge.hu > -300).mean(), rtol=0.25)


def test_ge_straightened_pixels_are_those_of_dcm2niix(shared, ge, tmp_path):
    folder = shared / "data" / "ge_hispeed_head_tilt"
    theirs, voxel = upright_pixels(folder, tmp_path / "nifti")
    ours = straight(ge, voxel, average=False)[0].numpy()
    assert len(ours) == len(theirs) == 56
    apart = agreement(ours, theirs, rim=9)
    assert apart.mean() < 1.5
    assert np.median(apart) < 1.0
    assert np.percentile(apart, 95) < 8.0  # at bone, a tenth of a pixel is this much


def test_philips_choice_and_refusals(philips):
    found = survey([philips])
    (study,) = found.studies
    series, why = choose(study)
    assert len(study.series) == 1
    assert all("/S2010/" in file for file in series.files)
    assert len(series.files) == 28
    assert "soft kernel UB" in why
    reasons = {r.file.split("/", 1)[1].rsplit("/", 2)[-2:][0]: r.reason for r in found.rejects}
    assert "localizer" in reasons["S1000"]
    assert {r.file.rsplit("/", 1)[-1] for r in found.rejects} >= {"I10", "I50"}
    assert all("capture" in r.reason for r in found.rejects if "/S4010/" in r.file)
    assert all(r.study == study.key for r in found.rejects)


def test_philips_values_geometry_and_notes(philips):
    volume = read(philips)
    assert volume.hu.shape == (28, 512, 512)
    assert (volume.hu.min(), volume.hu.max()) == (-1024, 782)
    np.testing.assert_allclose(volume.steps, 5.0, atol=1e-3)
    assert volume.tilt_degrees == pytest.approx(0, abs=0.01)
    notes = " ".join(volume.notes)
    assert "localizer" in notes
    assert "capture" in notes


def test_philips_is_a_phantom_and_no_patient(philips):
    check = check_head(read(philips))
    assert not check.ok
    assert any("not a" in reason for reason in check.reasons)


@pytest.mark.parametrize("uid", LOSSLESS)
def test_lossless_syntaxes_are_identical_to_the_bit(shared, uid):
    reference = read(_syntax(shared, "2.1"))
    volume = read(_syntax(shared, uid))
    np.testing.assert_array_equal(volume.hu, reference.hu)
    assert (volume.hu.min(), volume.hu.max()) == (-1024, 1378)
    assert not any("loss" in note for note in volume.notes)


@pytest.mark.parametrize(("uid", "difference"), [("2.4.81", 1), ("2.4.91", 5)])
def test_lossy_syntaxes_are_close_and_say_so(shared, uid, difference):
    reference, volume = read(_syntax(shared, "2.1")), read(_syntax(shared, uid))
    inside = reference.hu > -1024
    apart = np.abs(volume.hu.astype(int) - reference.hu)[inside]
    assert apart.max() <= difference
    assert any("loss" in note for note in volume.notes)


def test_twelve_bit_jpeg_is_refused_with_the_way_out(shared):
    with pytest.raises(RefusedScan, match="JPEG Extended") as error:
        read(_syntax(shared, "2.4.51"))
    assert "uncompressed" in (error.value.fix or "")


@pytest.mark.parametrize("uid", ["2", *LOSSLESS[2:]])
@pytest.mark.parametrize("share", [0.5, 0.995])
def test_file_cut_short_is_refused_in_every_syntax(shared, tmp_path, uid, share):
    whole = _syntax(shared, uid).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RefusedScan):
        read(tmp_path / "cut.dcm")


def test_neck_slices_are_no_head(shared):
    assert not check_head(read(_syntax(shared, "2.1"))).ok


def test_cq500_pair_is_one_slice_whatever_its_compression(shared):
    folder = shared / "data" / "cq500_310_slice_j2k"
    native, compressed = read(folder / "693_UNCR.dcm"), read(folder / "693_J2KR.dcm")
    np.testing.assert_array_equal(native.hu, compressed.hu)
    assert (native.hu.min(), native.hu.max()) == (-1024, 1468)
    both = read(folder)
    assert len(both) == 1
    assert any("duplicate" in note for note in both.notes)
    assert not check_head(native).ok


def test_missing_slice_is_located(shared):
    folder = shared / "data" / "odd" / "ge_head_missing_slice"
    volume = read(folder)
    np.testing.assert_allclose(volume.steps, [5, 5, 10], atol=0.01)
    note = next(n for n in volume.notes if "missing" in n)
    assert "between slice 3 and 4" in note
    with pytest.raises(RefusedScan, match="missing"):
        read(folder, missing="refuse")
    assert not check_head(volume).ok


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("odd/enhanced_ct_perfusion_map.dcm", "perfusion"),
        ("odd/MR_small.dcm", "MR"),
        ("nifti/scct_not_hu.nii", "not in HU"),
        ("nifti/ct_pitch_phantom_uint8_oblique.nii.gz", "HU"),
        ("nifti/cq500_structures_2mm.nii.gz", "not in HU"),
        ("nifti/cq500_csf_2mm.nii.gz", "not in HU"),
        ("nifti/cq500_lateral_ventricles_2mm.nii.gz", "not in HU"),
        ("ct_ich_slices/p049", "JPEG image"),
        ("reports/tbiextractor_report_one.txt", "not a scan"),
    ],
)
def test_everything_else_is_refused_by_name(shared, name, words):
    with pytest.raises(MolreError, match=words) as error:
        read(shared / "data" / name)
    assert error.value.fix


def test_template_in_hu_with_zero_background(shared):
    volume = read(shared / "data" / "nifti" / "cq500_template_with_skull_2mm.nii.gz")
    assert volume.hu.shape == (128, 128, 128)
    assert volume.hu.min() == -1024
    assert volume.hu.max() == 1579
    assert any("background" in note for note in volume.notes)
    check = check_head(volume)
    assert check.ok, check.reasons


def test_template_voxels_are_where_nifti_says(shared):
    import nibabel

    path = shared / "data" / "nifti" / "cq500_template_with_skull_2mm.nii.gz"
    volume, image = read(path), nibabel.load(path)
    data = np.asarray(image.dataobj)
    right, down = volume.orientation
    for s, r, c in np.random.default_rng(0).integers(20, 108, (50, 3)):
        at = (
            volume.origins[s]
            + r * down * volume.pixel_spacing[0]
            + c * right * volume.pixel_spacing[1]
        )
        index = np.linalg.inv(image.affine) @ [-at[0], -at[1], at[2], 1]  # LPS to RAS
        i, j, k = np.rint(index[:3]).astype(int)
        expected = round(float(data[i, j, k]))
        assert volume.hu[s, r, c] in (expected, -1024 if expected == 0 else expected)


def test_series_files_are_enough_to_read_again(shared, ge):
    (study,) = survey([shared / "data" / "ge_hispeed_head_tilt"]).studies
    again = read_series(study.series[0].files)
    assert again.content_hash == ge.content_hash
