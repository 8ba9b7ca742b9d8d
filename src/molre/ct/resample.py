"""A volume on an even grid, as floating-point HU: every slice where its own position says.

Straightening is linear and goes axis by axis, so it is three matrix products: rows and columns of
each slice (a tilted gantry shifts slices against each other), then slices. Where the grid is
coarser than the scan, it is sampled a whole number of times more finely and averaged, as a thicker
detector would.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from molre.ct.volume import AIR, Volume

Spacing = tuple[float, float, float]
REACH = 16  # pixels; a cubic spline's tail is 1e-9 of it there
LONE_SLICE_MM = 5.0
NEGLIGIBLE = 1e-9  # a spline's tails fade into numbers so small that processors are slow with them


def straight(
    volume: Volume, spacing: Spacing | None, order: int = 1, average: bool = True
) -> tuple[Tensor, np.ndarray]:
    """Resample a volume onto an even grid parallel to its slices; outside the scan is air.

    Args:
        volume: any series.
        spacing: mm between slices, rows and columns of the grid; None for the scan's own pixels
            and its usual step.
        order: of the spline: 0 (nearest), 1 (linear) or 3; between uneven slices at most 1.
        average: where the grid is coarser than the scan, average what lies within a voxel.

    Returns:
        float32 (slice, row, column) in HU, axes as the volume's, and the affine (4, 4) from
        (slice, row, column, 1) to mm (L, P, S, 1).
    """
    across, down = volume.orientation
    frame = np.stack([volume.normal, down, across])
    local = volume.origins @ frame.T  # (S, 3): mm along normal, down, across
    low = local.min(axis=0)
    native = (usual_step(volume), *volume.pixel_spacing)
    wanted = native if spacing is None else spacing
    size = np.array([1, *volume.hu.shape[1:]])
    extent = np.ptp(local, axis=0) + (size - 1) * native
    repeats = [max(1, round(average * w / n)) for w, n in zip(wanted, native, strict=True)]
    fine = [w / k for w, k in zip(wanted, repeats, strict=True)]
    samples = [low[a] + np.arange(int(extent[a] / fine[a] + 1e-4) + 1) * fine[a] for a in range(3)]
    planes = _planes(volume, local, samples[1:], repeats[1:], order)
    between = _between(local[:, 0], samples[0], order if volume.is_even else min(order, 1))
    out = torch.tensordot(_averaged(between, repeats[0], inside=True), planes, 1).add_(AIR)
    affine = np.eye(4)
    affine[:3, :3] = (frame * np.array(wanted)[:, None]).T
    middle = [(k - 1) / 2 * f for k, f in zip(repeats, fine, strict=True)]  # of what is averaged
    affine[:3, 3] = (low + middle) @ frame
    return out, affine


def usual_step(volume: Volume) -> float:
    """Median distance between slices, mm; of a lone slice its thickness."""
    if len(volume) > 1:
        return float(np.median(volume.steps))
    return volume.acquisition.slice_thickness or LONE_SLICE_MM


def _planes(
    volume: Volume, local: np.ndarray, samples: list[np.ndarray], repeats: list[int], order: int
) -> Tensor:
    """HU above air (S, R', C') of the slices, each on the grid's rows and columns."""

    @lru_cache(maxsize=2)  # the rows' is another for every slice of a tilted gantry
    def weights(axis: int, shift: float) -> Tensor:
        places = (samples[axis] - shift) / volume.pixel_spacing[axis]
        return _averaged(_within(places, volume.hu.shape[1 + axis], order), repeats[axis])

    out = []
    for hu, (_, first_row, first_column) in zip(volume.hu, np.round(local, 6), strict=True):
        rows, columns = weights(0, first_row), weights(1, first_column)
        out.append(rows @ torch.from_numpy(hu.astype(np.float32) - AIR) @ columns.T)
    return torch.stack(out)


def _within(places: np.ndarray, size: int, order: int) -> np.ndarray:
    """Weights (M, size) of pixels at fractional ``places`` (M,); beyond the edge is air, 0."""
    if order == 0:
        places = np.rint(places)
    if order < 3:
        return np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(size)))
    first = np.floor(places).astype(int)
    weights = np.zeros((len(places), size + 4 * REACH))  # with air on both sides
    spread = np.clip(first[:, None], -REACH, size + REACH) + np.arange(2 * REACH + 1)
    np.put_along_axis(weights, spread, _cardinal(places - first), axis=1)
    return weights[:, REACH : REACH + size]


def _between(positions: np.ndarray, heights: np.ndarray, order: int) -> np.ndarray:
    """Weights (M, S) of slices at ``positions`` (S,) for ``heights`` (M,) within them, mm."""
    slices = len(positions)
    if slices == 1:
        return np.ones((len(heights), 1))
    upper = np.clip(np.searchsorted(positions, heights), 1, slices - 1)
    span = np.maximum(positions[upper] - positions[upper - 1], 1e-6)
    share = np.clip((heights - positions[upper - 1]) / span, 0.0, 1.0)
    if order == 3:  # the last slice stands for what lies beyond it
        return _cubic(upper[:, None] - 1 + share[:, None] - np.arange(slices), edge=True) @ (
            _prefilter(slices)
        )
    share = np.rint(share) if order == 0 else share
    out = np.zeros((len(heights), slices))
    rows = np.arange(len(heights))
    out[rows, upper] = share
    out[rows, upper - 1] = 1.0 - share
    return out


def _cubic(distance: np.ndarray, edge: bool = False) -> np.ndarray:
    """The cubic B-spline (M, N) at ``distance`` from each knot.

    Args:
        distance: (M, N), knot after knot.
        edge: fold what falls beyond the first and last knot back onto its mirror image.
    """
    weights = _bump(distance)
    if edge and distance.shape[1] > 1:
        weights[:, 1] += _bump(distance[:, 0] + 1)
        weights[:, -2] += _bump(distance[:, -1] - 1)
    return weights


def _cardinal(share: np.ndarray) -> np.ndarray:
    """Weights (M, 2 REACH + 1) of the samples around, ``share`` (M,) of the way from 0 to 1.

    Of the cubic spline through the samples: each is a sum of B-splines, whose coefficients fall
    off as powers of the prefilter's pole (Unser, IEEE Signal Processing Magazine 1999).
    """
    knots, samples = np.arange(-1, 3), np.arange(-REACH, REACH + 1)
    pole = np.sqrt(3.0) - 2.0
    tails = pole ** np.abs(knots[:, None] - samples) * (-6.0 * pole / (1.0 - pole**2))
    return np.asarray(_bump(share[:, None] - knots) @ tails)


def _bump(distance: np.ndarray) -> np.ndarray:
    d = np.abs(distance)
    near, far = 2 / 3 - d**2 + d**3 / 2, np.maximum(0.0, 2.0 - d) ** 3 / 6
    return np.where(d < 1, near, far)


@lru_cache(maxsize=8)
def _prefilter(size: int) -> np.ndarray:
    """(size, size): samples to the coefficients of the cubic spline through them."""
    from scipy import ndimage

    if size == 1:
        return np.ones((1, 1))
    return np.asarray(ndimage.spline_filter1d(np.eye(size), order=3, axis=0, mode="mirror"))


def _averaged(weights: np.ndarray, repeats: int, inside: bool = False) -> Tensor:
    """Mean of each ``repeats`` rows of weights (M, N), as float32 (ceil(M / repeats), N).

    Args:
        weights: of one sample a row.
        repeats: samples to a voxel.
        inside: the last voxel is the mean of its samples that there are, not of air too.
    """
    count, lacking = len(weights), -len(weights) % repeats
    padded = np.concatenate([weights, np.zeros((lacking, weights.shape[1]))])
    mean = padded.reshape(-1, repeats, weights.shape[1]).mean(axis=1)
    if inside and lacking:
        mean[-1] *= repeats / (repeats - lacking)
    assert len(mean) == -(-count // repeats)
    mean[np.abs(mean) < NEGLIGIBLE] = 0.0
    return torch.from_numpy(mean.astype(np.float32))
