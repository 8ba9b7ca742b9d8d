import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.geometry import find_gaps, first_voxel, reorder


@given(
    st.sampled_from([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)]),
    st.booleans(),
    st.integers(2, 5),
    st.integers(2, 5),
)
def test_reordered_voxels_keep_their_place(across, turn, rows, columns):
    across = np.array(across, float)
    down = np.array([-across[1], across[0], 0]) * (1 if turn else -1)
    spacing = (2.0, 3.0)
    start = np.array([5.0, 7.0, 11.0])
    grid = (
        start
        + np.arange(rows)[:, None, None] * spacing[0] * down
        + np.arange(columns)[None, :, None] * spacing[1] * across
    )
    how, orientation = reorder(np.stack([across, down]))
    moved = np.stack([how.pixels(grid[..., axis]) for axis in range(3)], axis=-1)
    between = spacing[::-1] if how.transpose else spacing
    first = first_voxel(start, between, moved.shape[:2], how, orientation)
    assert np.allclose(moved[0, 0], first)
    assert np.allclose(moved[0, 1] - moved[0, 0], orientation[0] * between[1])
    assert np.allclose(moved[1, 0] - moved[0, 0], orientation[1] * between[0])
    assert np.allclose(orientation, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    ("steps", "missing"),
    [
        ([5, 5, 10], [(2, 1)]),
        ([5, 10, 5, 15, 5, 5], [(1, 1), (3, 2)]),
        ([4] * 13 + [1.08] + [7] * 13, []),
        ([5, 5, 5, 5], []),
        ([5, 5, 10, 10, 5, 5], [(2, 1), (3, 1)]),
        ([5], []),
        ([], []),
    ],
)
def test_gaps_are_located(steps, missing):
    positions = np.concatenate([[0.0], np.cumsum(steps)])
    assert [(gap.below, gap.missing) for gap in find_gaps(positions)] == missing


def test_thicker_slices_further_on_are_no_gap():
    positions = np.concatenate([[0.0], np.cumsum([2.5, 2.5, 2.5, 10.0])])
    assert find_gaps(positions, np.array([2.5, 2.5, 2.5, 10, 10])) == []
    assert len(find_gaps(positions, np.full(5, 2.5))) == 1
