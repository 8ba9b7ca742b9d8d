"""The fast ways around the skull give what slow, plain ones do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes, label, map_coordinates, maximum_filter

from molre.ct.checks import position
from molre.ct.checks.head import _median
from molre.ct.checks.skull import _averages, _enclosed, inside_skull, reaches_edge, sizes, widened
from tests.helpers.ct.sampled_volumes import head, sampled

MASKS = arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)))


@given(MASKS, st.integers(0, 15))
def test_widened_is_a_square_around_each_pixel(mask, pixels):
    around = maximum_filter(mask, (1, 2 * pixels + 1, 2 * pixels + 1), mode="constant")
    np.testing.assert_array_equal(widened(mask, pixels), around)


@given(MASKS)
def test_what_does_not_reach_the_edge_is_a_hole(mask):
    holes = np.stack([binary_fill_holes(one) & ~one for one in mask])
    np.testing.assert_array_equal(~reaches_edge(~mask) & ~mask, holes)
    np.testing.assert_array_equal(sizes(mask), mask.sum(axis=(1, 2)))


@settings(max_examples=60)
@given(MASKS)
def test_enclosed_pixels_see_bone_in_six_directions(bone):
    seen = np.zeros(bone.shape, int)
    for index in np.ndindex(bone.shape):
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                seen[index] += (down or across) and _sees(bone[index[0]], index[1:], down, across)
    np.testing.assert_array_equal(_enclosed(bone), (seen >= 6) & ~bone)


def _sees(bone: np.ndarray, start: tuple[int, ...], down: int, across: int) -> bool:
    row, column = start
    while 0 <= row < bone.shape[0] and 0 <= column < bone.shape[1]:
        if bone[row, column]:
            return True
        row, column = row + down, column + across
    return False


@given(
    arrays(np.int16, (2, 7, 9), elements=st.sampled_from([-1024, 3071, 0, 40])),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_averages_are_means(hu, rows, columns):
    cut = hu[:, : 7 // rows * rows, : 9 // columns * columns].astype(float)
    whole = cut.reshape(2, 7 // rows, rows, 9 // columns, columns).mean(axis=(2, 4))
    np.testing.assert_allclose(_averages(hu, rows, columns), whole, atol=1e-3)


def in_a_holder(left: np.ndarray, posterior: np.ndarray, superior: np.ndarray) -> np.ndarray:
    """A head with air in a sinus, within a hard ring that is open in front of the face."""
    hu = head()(left, posterior, superior)
    ring = (np.abs(np.hypot(left, posterior) - 108) < 4) & ((posterior > -90) | (np.abs(left) > 20))
    hu[ring & (superior < 30)] = 400
    hu[np.hypot(left, posterior + 60) < 8] = -1000
    return hu


def test_air_that_reaches_the_edge_is_outside():
    """By a label of the whole volume, where the fast way looks at some slices alone."""
    volume = sampled(in_a_holder, np.arange(-80, 85, 10.0))
    skull = inside_skull(volume)
    within = np.zeros((3, 3, 3), bool)
    within[1, 1] = within[1, :, 1] = True
    regions, _ = label(skull.hu < -300, within)
    edge = np.ones(regions.shape[1:], bool)
    edge[1:-1, 1:-1] = False
    outer = np.isin(regions, regions[:, edge]) & (regions > 0)
    enclosed = _enclosed(skull.hu > 230)
    np.testing.assert_array_equal(skull.inside, enclosed & ~outer)
    assert (enclosed & outer).any()
    assert (skull.inside & (skull.hu < -300)).any()
    centers = [np.argwhere(one).mean(axis=0) for one in skull.inside[skull.middle]]
    np.testing.assert_allclose(skull.centers, np.array(centers) * skull.spacing)


@pytest.mark.parametrize("center", [(100.0, 110.0), (20.0, 190.0)])
def test_a_slice_is_unrolled_around_its_center(center):
    skull = inside_skull(sampled(head(), np.arange(-80, 85, 20.0)))
    down, across = ring = position._ring(skull.spacing)
    at = (down + center[0] / skull.spacing[0], across + center[1] / skull.spacing[1])
    image = np.clip(skull.hu[4], *position.SYMMETRY_HU)
    slow = map_coordinates(image, at, order=1, mode="nearest")
    slow = (slow - slow.mean(axis=1, keepdims=True)) * position._RADIUS
    fast = position._unrolled(skull, 4, np.array(center), ring)
    np.testing.assert_allclose(fast, slow, atol=0.05)


@given(arrays(np.float32, st.integers(1, 9), elements=st.floats(-99, 99, width=32)))
def test_median(values):
    assert _median(values) == np.median(values)
