import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from molre.phantom.fields import capsule, ellipsoid, smooth_noise, soft

AXIS = np.arange(-60, 60, 2.0)


def test_noise_depends_on_the_place_in_mm_and_not_on_the_grid():
    fine = smooth_noise(5, (AXIS, AXIS, AXIS), 9.0)
    part = smooth_noise(5, (AXIS[10:12], AXIS[::3], AXIS[4:9]), 9.0)
    np.testing.assert_allclose(part, fine[10:12, ::3, 4:9], atol=1e-5)


def test_noise_has_mean_0_and_variance_near_1_and_its_seed_matters():
    field = smooth_noise(6, (AXIS, AXIS, AXIS), 6.0)
    assert abs(field.mean()) < 0.2
    assert 0.6 < field.std() < 1.4
    assert (
        abs(np.corrcoef(field.ravel(), smooth_noise(7, (AXIS, AXIS, AXIS), 6.0).ravel())[0, 1])
        < 0.2
    )


@given(st.floats(-30, 30))
def test_distances_are_negative_inside_and_soft_is_half_on_the_border(x):
    point = (np.float32(x), np.float32(0), np.float32(0))
    inside = abs(x) < 10
    assert (ellipsoid(*point, (0, 0, 0), (10, 10, 10)) < 0) == inside
    assert capsule(*point, (-10, 0, 0), (10, 0, 0), 3.0) <= max(-3.0, abs(x) - 13) + 1e-3
    assert soft(np.float32(0)) == 0.5
