"""The head check on real scans: it decides what gets probabilities."""

import numpy as np
import pytest

from molre.ct.checks.head import check_head
from molre.ct.read import read
from molre.ct.resample import straight


def test_real_patient_passes(shared):
    check = check_head(read(shared / "data/ge_hispeed_head_tilt"))
    assert check.ok, check.reasons
    assert 90 <= check.coverage_mm <= 145


def test_population_template_passes(shared):
    check = check_head(read(shared / "data/nifti/cq500_template_with_skull_2mm.nii.gz"))
    assert check.ok, check.reasons


def test_plastic_phantom_is_refused_for_its_inside(shared):
    check = check_head(read(shared / "data/philips_ingenuity_phantom_study"))
    assert check.kind == "not_a_head"
    assert "no brain tissue inside a skull" in check.reasons[0]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("cq500_310_slice_j2k", "incomplete"),
        ("ct_transfer_syntaxes/ct_1.2.840.10008.1.2.1.dcm", "not_a_head"),
        ("odd/ge_head_missing_slice", "not_a_head"),
    ],
)
def test_less_than_a_head(shared, path, kind):
    assert check_head(read(shared / "data" / path)).kind == kind


def test_half_of_the_real_patient_is_incomplete(shared):
    whole = read(shared / "data/ge_hispeed_head_tilt")
    for part in (slice(0, 14), slice(14, 28)):
        half = type(whole)(
            hu=whole.hu[part].copy(),
            origins=whole.origins[part],
            orientation=whole.orientation,
            pixel_spacing=whole.pixel_spacing,
            source=whole.source[part],
        )
        assert check_head(half).kind == "incomplete"


def test_straightened_tilted_patient_is_upright_and_whole(shared):
    volume = read(shared / "data/ge_hispeed_head_tilt")
    resampled, affine = straight(volume, (5.0, 1.0, 1.0), average=False)
    out = resampled.numpy()
    spans = np.ptp(volume.positions)
    assert out.shape[0] == int(spans / 5.0 + 1e-4) + 1
    body = out > -300
    # the skin's center must not drift along the rows as the shear would make it
    centers = [np.argwhere(one)[:, 0].mean() for one in body[6:18]]
    assert np.ptp(centers) < 25
    assert np.allclose(np.linalg.norm(affine[:3, :3], axis=0), [5, 1, 1])
