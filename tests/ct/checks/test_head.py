import numpy as np
import pytest

from molre.ct.checks.head import check_head
from tests.helpers.ct.sampled_volumes import head, sampled

WHOLE = np.arange(-80, 85, 5.0)


@pytest.mark.parametrize("step", [2.5, 5.0, 7.0])
@pytest.mark.parametrize("tilt", [-20.0, 0.0, 20.0])
def test_whole_head_passes_whatever_the_step_and_tilt(step, tilt):
    check = check_head(sampled(head(), np.arange(-90, 92, step), tilt=tilt))
    assert check.ok, check.reasons
    assert check.kind == "head"
    assert 90 <= check.coverage_mm <= 150


def test_noise_of_a_bone_kernel_changes_nothing():
    assert check_head(sampled(head(), WHOLE, noise=60, pixel_mm=0.9)).ok


def changed(field, where, value):
    def other(left, posterior, superior):
        hu = field(left, posterior, superior)
        hu[where(left, posterior, superior) & (hu > -900)] = value
        return hu

    return other


@pytest.mark.parametrize(
    ("what", "where", "value"),
    [
        ("craniectomy", lambda le, p, s: (le > 60) & (abs(p) < 55) & (s > -30), 40),
        ("hematoma", lambda le, p, s: (le - 20) ** 2 + p**2 + s**2 < 40**2, 75),
        ("pneumocephalus", lambda le, p, s: (p < -45) & (abs(le) < 45) & (s > 0), -900),
        ("atrophy", lambda le, p, s: (abs(le) < 25) & (abs(p) < 45) & (abs(s) < 40), 5),
        ("metal", lambda le, p, s: (le - 30) ** 2 + p**2 + s**2 < 9**2, 3071),
    ],
)
def test_disease_and_surgery_are_still_a_head(what, where, value):
    check = check_head(sampled(changed(head(), where, value), WHOLE))
    assert check.ok, (what, check.reasons)


def test_table_and_holder_do_not_matter():
    def on_table(left, posterior, superior):
        hu = head()(left, posterior, superior)
        hu[(posterior > 104) & (posterior < 110)] = 300
        hu[(np.hypot(left, posterior) > 108) & (posterior > 0) & (abs(left) > 90)] = 250
        return hu

    assert check_head(sampled(on_table, WHOLE)).ok


def test_plastic_phantom_has_no_brain():
    check = check_head(sampled(head(inside=-60.0), WHOLE))
    assert not check.ok
    assert check.kind == "not_a_head"
    assert "no brain tissue inside a skull" in check.reasons[0]


def test_soft_tissue_without_a_skull_is_no_head():
    check = check_head(sampled(head(bone=60.0), WHOLE))
    assert check.kind == "not_a_head"
    assert "no skull" in check.reasons[0]


def test_neck_is_no_head():
    def neck(left, posterior, superior):
        hu = np.where(np.hypot(left / 65, posterior / 70) < 1, 50.0, -1000.0)
        vertebra = np.hypot(left, posterior - 20)
        hu[(vertebra < 18) & (vertebra > 9)] = 700
        hu[np.hypot(left, posterior + 25) < 9] = -1000
        return hu

    assert check_head(sampled(neck, WHOLE)).kind == "not_a_head"


def test_chest_is_no_head():
    def chest(left, posterior, superior):
        radius = np.hypot(left / 160, posterior / 110)
        hu = np.where(radius < 1, 50.0, -1000.0)
        hu[(radius > 0.9) & (radius < 0.96) & (superior % 25 < 14)] = 500
        hu[(radius < 0.8) & (abs(left) > 40)] = -850
        return hu

    assert check_head(sampled(chest, WHOLE, side_mm=360)).kind == "not_a_head"


@pytest.mark.parametrize(
    ("heights", "word"),
    [
        ([0.0], "1 slice"),
        (np.arange(-80, 5, 5.0), "top of the head"),
        (np.arange(0, 85, 5.0), "base of the head"),
        (np.arange(-20, 25, 5.0), "mm of brain"),
    ],
)
def test_part_of_a_head_is_incomplete(heights, word):
    check = check_head(sampled(head(), heights))
    assert check.kind == "incomplete"
    assert any(word in reason and reason.startswith("incomplete") for reason in check.reasons)


def test_small_head_is_not_an_adults():
    assert not check_head(sampled(head(size=0.55), WHOLE)).ok


def test_air_alone_is_no_head():
    assert (
        check_head(sampled(lambda le, p, s: np.full(le.shape, -1000.0), WHOLE)).kind == "not_a_head"
    )
