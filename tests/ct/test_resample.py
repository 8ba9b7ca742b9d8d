"""A stack on an even grid: every slice where its own position says, and a tilted gantry undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from molre.ct.read import read
from molre.ct.resample import straight
from molre.ct.volume import SliceSource, Volume
from tests.helpers.ct.resample_oracle import straighten
from tests.helpers.ct.sampled_volumes import EVEN, UNEVEN, sampled, scanned
from tests.helpers.ct.tilt_oracle import agreement, upright_pixels
from tests.helpers.traps.scan import scan, store


def regular(volume, spacing):
    """Linear, each voxel a sample."""
    out, affine = straight(volume, spacing, order=1, average=False)
    return out.numpy(), affine


def ramp(left, posterior, superior):
    """Linear in all axes, so that linear interpolation must be exact; ends in air nowhere."""
    return 2.0 * left + 3.0 * posterior - 4.0 * superior


@pytest.mark.parametrize("tilt", [-18.5, 0.0, 18.5])
def test_it_puts_every_voxel_where_its_position_says(tilt):
    heights = np.concatenate([np.arange(0, 20, 4.0), 17.08 + np.arange(0, 35, 7.0)])
    volume = sampled(ramp, heights, tilt=tilt, side_mm=60)
    out, affine = regular(volume, (2.5, 1.0, 1.5))
    index = np.moveaxis(np.indices(out.shape), 0, -1)
    points = index @ affine[:3, :3].T + affine[:3, 3]
    wanted = ramp(points[..., 0], points[..., 1], points[..., 2])
    scanned = out > -1000  # around the sheared stack is air
    edge = np.abs(wanted - out) > 2
    assert scanned.mean() > 0.6
    assert edge[scanned].mean() < 0.15  # half-air pixels along the stack's own rim
    middle = (slice(None), slice(out.shape[1] // 2 - 5, out.shape[1] // 2 + 5), slice(8, -8))
    assert np.abs(wanted - out)[middle].max() <= 0.51  # what was scanned is rounded


def test_it_leaves_a_regular_stack_alone():
    volume = sampled(ramp, np.arange(0, 30, 5.0), side_mm=40)
    out, affine = regular(volume, (5.0, 2.0, 2.0))
    assert np.allclose(out, volume.hu, atol=1e-3)
    assert np.allclose(affine, volume.affine)


def test_it_keeps_the_end_slices():
    heights = [0.0, 4.0000004, 8.0000011, 11.9999996]
    volume = sampled(lambda le, p, s: np.full(le.shape, 40.0), heights, side_mm=40)
    out, _ = regular(volume, (4.0, 1.9999995, 2.0000004))
    assert out.shape[0] == 4
    assert np.allclose(out[[0, -1]][:, :-1, :-1], 40, atol=1e-2)


def test_it_takes_a_single_slice():
    volume = sampled(ramp, [3.0], side_mm=20)
    out, affine = regular(volume, (5.0, 2.0, 2.0))
    assert np.allclose(out, volume.hu, atol=1e-3)
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
    out, affine = regular(volume, (3.0, 1.5, 1.5))
    points = np.moveaxis(np.indices(out.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    wanted = soft_head(*np.moveaxis(points, -1, 0))
    inside = radius(*np.moveaxis(points, -1, 0)) < 0.75
    assert inside.sum() > 100_000
    assert np.abs(out - wanted)[inside].max() <= 1


@pytest.mark.parametrize("tilt", [-16.5, 18.5])
@pytest.mark.parametrize("step", [5.0, [4.0] * 6 + [1.08] + [7.0] * 6])
def test_straightened_pixels_are_those_of_dcm2niix(tmp_path, tilt, step):
    store(tmp_path / "dicom", scan(step=step, tilt=tilt, shape=(64, 56), spacing=(2.0, 2.0)))
    theirs, voxel = upright_pixels(tmp_path / "dicom", tmp_path / "nifti")
    ours, _ = regular(read(tmp_path / "dicom"), voxel)
    assert ours.shape[0] == theirs.shape[0]
    apart = agreement(ours, theirs, rim=9)
    assert np.median(apart) <= 1.0
    assert np.percentile(apart, 99) < 2.0  # both round; theirs blends air into its rim


@pytest.mark.parametrize("tilt", [0.0, 14.0])
@pytest.mark.parametrize("heights", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("spacing", [(2.0, 1.0, 1.0), (3.0, 2.0, 2.5)])
def test_it_is_what_slice_after_slice_gives(tilt, heights, spacing):
    volume = scanned(np.array([0.0, 5.0, 30.0]), heights, tilt)
    slow, where = straighten(volume, spacing)
    fast, affine = regular(volume, spacing)
    assert affine == pytest.approx(where)
    assert fast.shape == slow.shape
    assert np.abs(fast - slow).max() < 1.01  # that one rounds twice


def test_cubic_resampling_is_scipys():
    from scipy import ndimage

    volume = scanned(np.array([0.0, 5.0, 38.0]), EVEN)
    fast, _ = straight(volume, (1.5, 1.0, 1.0), order=3, average=False)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in fast.shape], indexing="ij"))
    places = grid * np.array([1.5 / 4.0, 1.0 / 1.2, 1.0 / 1.1]).reshape(3, 1, 1, 1)
    slow = ndimage.map_coordinates(volume.hu.astype(float), places, order=3, mode="mirror")
    inside = (slice(None), slice(6, -6), slice(6, -6))  # at the edge one has air, one a mirror
    assert np.abs(fast.numpy() - slow)[inside].max() < 0.05


def test_what_a_voxel_covers_is_averaged():
    hu = np.zeros((8, 32, 32), dtype=np.int16)
    hu[:, ::2] = 900  # rows that alternate: sampled, they would be all one or all the other
    origins = np.zeros((8, 3))
    origins[:, 2] = np.arange(8)
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    volume = Volume(hu, origins, axes, (1.0, 1.0), tuple(SliceSource(i) for i in range(8)))
    averaged, _ = straight(volume, (2.0, 2.0, 2.0))
    sampled, _ = straight(volume, (2.0, 2.0, 2.0), average=False)
    assert averaged.shape == (4, 16, 16)
    assert torch.allclose(averaged, torch.tensor(450.0))
    assert torch.allclose(sampled, torch.tensor(900.0))


def test_the_last_voxel_is_no_average_with_what_was_not_scanned():
    volume = scanned(np.array([0.0, 0.0, 0.0]), np.arange(9) * 1.0)
    full = Volume(
        np.full_like(volume.hu, 40), volume.origins, volume.orientation, (1.0, 1.0), volume.source
    )
    made, _ = straight(full, (4.0, 1.0, 1.0))
    assert made.shape[0] == 3
    assert torch.allclose(made, torch.tensor(40.0))
