"""From a volume in HU to the images a 2D backbone is given, exactly as its contract says."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from molre.backbones.contract import Contract
from molre.ct.volume import AIR, Volume
from molre.ct.windows import Window

BLANK = 1e-9  # standard deviation below which an image has nothing to scale


def to_pixels(volume: Volume, contract: Contract) -> tuple[Tensor, np.ndarray]:
    """Prepare a volume.

    Thin slices are averaged in HU, the image is resized in HU (antialiased, so that a smaller
    image is a wider average, as a thicker detector would give) to a square of the field of view
    with air around it, then windowed to [0, 1] per channel and normalized. A contract may ask for
    the windows before the resizing, for rounding to gray levels, and for each image's own
    normalization.

    Args:
        volume: HU (S, R, C).
        contract: the backbone's.

    Returns:
        float32 (S', channels, size, size) and int (S',), for each image the index of the
        volume's slice in the middle of its slab.
    """
    groups = slabs(volume.positions, contract.slab_mm, contract.max_slices)
    hu, spacing = _average(volume.hu, groups), volume.pixel_spacing
    size, resampling = contract.size, contract.resampling
    out = torch.empty(len(groups), len(contract.windows), size, size)
    if contract.resize == "hu":
        hu = _square(hu, spacing, size, resampling, float(AIR))
    for c, window in enumerate(contract.channels):
        channel = out[:, c]
        if contract.resize == "hu":
            _gray(hu, window, contract.gray_levels, channel)
        else:
            air = _gray(torch.tensor(float(AIR)), window, contract.gray_levels)
            gray = _gray(hu, window, contract.gray_levels)
            gray = _square(gray, spacing, size, resampling, float(air)).clamp_(0, 1)
            channel.copy_(_round(gray, contract.gray_levels))
        if contract.normalization == "image":
            _own_scale(channel)
        channel.sub_(contract.mean[c]).div_(contract.std[c])
    return out, np.array([int(g[len(g) // 2]) for g in groups])


def _gray(hu: Tensor, window: Window, levels: int | None, out: Tensor | None = None) -> Tensor:
    """HU to [0, 1] in a window, rounded to gray levels where there are some."""
    gray = torch.sub(hu, window.low, out=out)
    return _round(gray.div_(window.width).clamp_(0, 1), levels)


def _round(gray: Tensor, levels: int | None) -> Tensor:
    return gray.mul_(levels - 1).round_().div_(levels - 1) if levels else gray


def _own_scale(channel: Tensor) -> None:
    """Every image (S, R, C) to mean 0 and standard deviation 1; a blank one to 0."""
    deviation, mean = torch.std_mean(channel, dim=(1, 2), keepdim=True)
    channel.sub_(mean).div_(torch.where(deviation < BLANK, torch.ones_like(deviation), deviation))


def slabs(positions: np.ndarray, slab_mm: float, max_slices: int) -> list[np.ndarray]:
    """Runs of neighboring slices to average, each about ``slab_mm`` thick.

    A run never spans more than ``slab_mm`` between its first and last slice, so a gap is never
    averaged over; slices that are as thick as that stay alone. Where there would be more than
    ``max_slices`` runs, they are made thicker.

    Args:
        positions: mm along the normal, ascending, (S,).
        slab_mm: wanted thickness.
        max_slices: most runs allowed.

    Returns:
        Index arrays that partition ``range(S)`` in order.
    """
    thickness = slab_mm
    while True:
        groups = _runs(positions, thickness)
        if len(groups) <= max_slices:
            return groups
        thickness *= 1.15


def _runs(positions: np.ndarray, slab_mm: float) -> list[np.ndarray]:
    steps = np.diff(positions)
    typical = float(np.median(steps)) if len(steps) else slab_mm
    groups, start = [], 0
    for i in range(1, len(positions) + 1):
        ends = i == len(positions)
        # a slice is as thick as its step: the run's extent is first to last plus one step
        if ends or positions[i] - positions[start] + min(typical, steps[i - 1]) > slab_mm * 1.01:
            groups.append(np.arange(start, i))
            start = i
    return groups


def _average(hu: np.ndarray, groups: list[np.ndarray]) -> Tensor:
    out = np.empty((len(groups), *hu.shape[1:]), dtype=np.float32)
    for g, rows in enumerate(groups):
        if len(rows) == 1:
            out[g] = hu[rows[0]]
        else:
            np.mean(hu[rows[0] : rows[-1] + 1], axis=0, dtype=np.float32, out=out[g])
    return torch.from_numpy(out)


def _square(
    images: Tensor, spacing: tuple[float, float], size: int, resampling: str, air: float
) -> Tensor:
    """Images (S, R, C) to (S, size, size): true proportions, centered, air around."""
    height, width = images.shape[1] * spacing[0], images.shape[2] * spacing[1]
    scale = size / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    small = functional.interpolate(
        images.unsqueeze(1), (rows, columns), mode=resampling, antialias=True, align_corners=False
    ).squeeze(1)
    if rows == columns == size:
        return small
    top, left = (size - rows) // 2, (size - columns) // 2
    border = (left, size - columns - left, top, size - rows - top)
    return functional.pad(small, border, value=air)
