import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.geometry import find_gaps, first_voxel, reorder, straighten
from molre.ct.read import read
from tests.helpers.ct.sampled_volumes import sampled
from tests.helpers.ct.tilt_oracle import agreement, upright_pixels
from tests.helpers.traps.scan import scan, store


def ramp(left, posterior, superior):
    """Linear in all axes, so that linear interpolation must be exact; ends in air nowhere."""
    return 2.0 * left + 3.0 * posterior - 4.0 * superior


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


@pytest.mark.parametrize("tilt", [-18.5, 0.0, 18.5])
def test_straighten_puts_every_voxel_where_its_position_says(tilt):
    heights = np.concatenate([np.arange(0, 20, 4.0), 17.08 + np.arange(0, 35, 7.0)])
    volume = sampled(ramp, heights, tilt=tilt, side_mm=60)
    out, affine = straighten(volume, (2.5, 1.0, 1.5))
    index = np.moveaxis(np.indices(out.shape), 0, -1)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    wanted = ramp(points[..., 0], points[..., 1], points[..., 2])
    scanned = out > -1000  # around the sheared stack is air
    edge = np.abs(wanted - out) > 2
    assert out.dtype == np.int16
    assert scanned.mean() > 0.6
    assert edge[scanned].mean() < 0.15  # half-air pixels along the stack's own rim
    middle = (slice(None), slice(out.shape[1] // 2 - 5, out.shape[1] // 2 + 5), slice(8, -8))
    assert np.abs(wanted - out)[middle].max() <= 1.0 + 1e-6  # both copies are rounded


def test_straighten_leaves_a_regular_stack_alone():
    volume = sampled(ramp, np.arange(0, 30, 5.0), side_mm=40)
    out, affine = straighten(volume, (5.0, 2.0, 2.0))
    assert np.array_equal(out, volume.hu)
    assert np.allclose(affine, volume.affine)


def test_straighten_keeps_the_end_slices():
    heights = [0.0, 4.0000004, 8.0000011, 11.9999996]
    volume = sampled(lambda le, p, s: np.full(le.shape, 40.0), heights, side_mm=40)
    out, _ = straighten(volume, (4.0, 1.9999995, 2.0000004))
    assert out.shape[0] == 4
    assert (out[[0, -1]][:, :-1, :-1] == 40).all()


def test_straighten_takes_a_single_slice():
    volume = sampled(ramp, [3.0], side_mm=20)
    out, affine = straighten(volume, (5.0, 2.0, 2.0))
    assert np.array_equal(out, volume.hu)
    assert np.allclose(affine[:3, 3], volume.origins[0])


def soft_head(left, posterior, superior):
    """A head without edges: waves no shorter than 80 mm inside, a slow fall to air around.

    Slices 5 mm apart hold all of it, so that a difference is one of geometry.
    """
    turn = 2 * np.pi
    waves = np.sin(turn * superior / 90) * np.cos(turn * left / 80) + np.cos(turn * posterior / 85)
    fall = np.clip((radius(left, posterior, superior) - 0.8) / 0.4, 0, 1)
    return 35 + 12 * waves - 517 * (1 - np.cos(np.pi * fall))


def radius(left, posterior, superior):
    return np.sqrt((left / 75) ** 2 + (posterior / 92) ** 2 + (superior / 72) ** 2)


@pytest.mark.parametrize("tilt", [-18.5, -7.0, 16.5])
@pytest.mark.parametrize("steps", [[5.0] * 30, [4.0] * 15 + [1.08] + [6.0] * 15])
def test_sheared_head_straightened_is_the_head_scanned_straight(tilt, steps):
    heights = np.concatenate([[0.0], np.cumsum(steps)]) / np.cos(np.radians(tilt))
    volume = sampled(soft_head, heights - heights[-1] / 2, tilt=tilt)
    assert volume.tilt_degrees == pytest.approx(abs(tilt), abs=0.01)
    out, affine = straighten(volume, (3.0, 1.5, 1.5))
    points = np.moveaxis(np.indices(out.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    straight = np.rint(soft_head(*np.moveaxis(points, -1, 0)))
    inside = radius(*np.moveaxis(points, -1, 0)) < 0.75
    assert inside.sum() > 100_000
    assert np.abs(out - straight)[inside].max() <= 1


@pytest.mark.parametrize("tilt", [-16.5, 18.5])
@pytest.mark.parametrize("step", [5.0, [4.0] * 6 + [1.08] + [7.0] * 6])
def test_straightened_pixels_are_those_of_dcm2niix(tmp_path, tilt, step):
    store(tmp_path / "dicom", scan(step=step, tilt=tilt, shape=(64, 56), spacing=(2.0, 2.0)))
    theirs, voxel = upright_pixels(tmp_path / "dicom", tmp_path / "nifti")
    ours, _ = straighten(read(tmp_path / "dicom"), voxel)
    assert ours.shape[0] == theirs.shape[0]
    apart = agreement(ours, theirs, rim=9)
    assert np.median(apart) <= 1.0
    assert np.percentile(apart, 99) < 2.0  # both round; theirs blends air into its rim
