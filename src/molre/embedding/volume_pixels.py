"""From a volume in HU to the array that a 3D backbone is given, exactly as its contract says."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from molre.backbones.volume_contract import AXES, Resampling, VolumeContract
from molre.ct.resample import straight
from molre.ct.volume import AIR, Volume

WHOLE = -1  # where the index of a slice is kept: no slice, the whole volume


def to_volume_pixels(volume: Volume, contract: VolumeContract) -> Tensor:
    """Prepare a volume; see :class:`VolumeContract` for the steps.

    Args:
        volume: HU (S, R, C); slices may be uneven or sheared by a tilt.
        contract: the backbone's.

    Returns:
        float32 (1, C, D, H, W), rounded to half precision, as it is kept on disk.
    """
    return prepare(volume, contract)[0].half().float().unsqueeze(0)


def prepare(volume: Volume, contract: VolumeContract) -> tuple[Tensor, np.ndarray]:
    """Prepare a volume and say where its voxels are.

    Returns:
        float32 (C, D, H, W), and the affine (4, 4) from (d, h, w, 1) to mm (L, P, S, 1).
    """
    axes = [AXES[letter] for letter in contract.orientation]
    spacing = contract.spacing
    if spacing is not None:
        first, second, third = (spacing[axes.index(a)] for a in range(3))
        spacing = (first, second, third)
    hu, affine = straight(volume, spacing, contract.order, contract.average)
    hu, affine = _turned(hu, affine, contract.orientation)
    if contract.foreground is not None:
        hu, affine = _cropped(hu, affine, contract.foreground)
    if contract.square:
        edge = max(hu.shape[1:])
        hu, affine = _fitted(hu, affine, (len(hu), edge, edge), float(AIR))
    channels = _windowed(hu, contract)
    if contract.resize is not None:
        channels, affine = _resized(channels, affine, contract.resize, contract.resampling)
    parts = [
        _fitted(channel, affine, contract.shape, float(window.apply(np.array([AIR]))[0]))
        for channel, window in zip(channels, contract.channels, strict=True)
    ]
    out = torch.stack([channel for channel, _ in parts])
    mean, std = (torch.tensor(x).reshape(-1, 1, 1, 1) for x in (contract.mean, contract.std))
    return out.sub_(mean).div_(std), parts[0][1]


def _turned(hu: Tensor, affine: np.ndarray, orientation: str) -> tuple[Tensor, np.ndarray]:
    """Axes (Superior, Posterior, Left) to those that ``orientation`` names."""
    axes = [AXES[letter] for letter in orientation]
    turned, affine = hu.permute(axes), affine.copy()
    affine[:, :3] = affine[:, axes]
    back = [axis for axis, letter in enumerate(orientation) if letter in "IAR"]
    for axis in back:
        affine[:, 3] += affine[:, axis] * (turned.shape[axis] - 1)
        affine[:, axis] *= -1
    return turned.flip(back), affine


def _cropped(hu: Tensor, affine: np.ndarray, above: float) -> tuple[Tensor, np.ndarray]:
    """The box of all voxels above a HU value; everything where there is none."""
    inside = hu > above
    start, stop = [], []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        rows = inside.amax(others).nonzero()
        if not len(rows):
            return hu, affine
        start.append(int(rows[0]))
        stop.append(int(rows[-1]) + 1)
    box = hu[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    return box, _moved(affine, np.array(start))


def _windowed(hu: Tensor, contract: VolumeContract) -> Tensor:
    out = torch.empty(len(contract.windows), *hu.shape)
    for channel, window in zip(out, contract.channels, strict=True):
        torch.sub(hu, window.low, out=channel)
        channel.div_(window.width).clamp_(0, 1)
    return out


def _resized(
    channels: Tensor,
    affine: np.ndarray,
    size: tuple[int, int, int],
    resampling: tuple[Resampling, Resampling, Resampling],
) -> tuple[Tensor, np.ndarray]:
    """Stretch (C, D, H, W) to (C, *size), axis by axis."""
    affine = affine.copy()
    pooled = functional.adaptive_avg_pool3d(channels, size) if set(resampling) == {"area"} else None
    for axis, (new, how) in enumerate(zip(size, resampling, strict=True)):
        old = channels.shape[axis + 1]
        scale = old / new
        affine[:, 3] += affine[:, axis] * (scale - 1) / 2
        affine[:, axis] *= scale
        if new != old and pooled is None:
            channels = _along(channels, axis + 1, resizing(old, new, how))
    return channels if pooled is None else pooled, affine


def _along(channels: Tensor, axis: int, weights: Tensor) -> Tensor:
    """Weights (new, old) applied to one axis of (C, D, H, W)."""
    if axis == 3:
        return channels @ weights.T
    if axis == 2:
        return weights @ channels
    flat = weights @ channels.flatten(2)
    return flat.reshape(len(channels), len(weights), *channels.shape[2:])


def resizing(old: int, new: int, how: Resampling) -> Tensor:
    """Weights (new, old) that resize an axis, as torch's interpolation of that name has them."""
    eye = torch.eye(old)
    if how == "nearest":
        places = torch.arange(old, dtype=torch.float32)[None, None]
        return eye[functional.interpolate(places, new, mode="nearest-exact")[0, 0].long()]
    if how == "area":
        return functional.adaptive_avg_pool1d(eye.unsqueeze(0), new)[0].T
    resized = functional.interpolate(
        eye[None, None], (new, old), mode="bilinear", antialias=how == "antialias"
    )
    return resized[0, 0]


def _fitted(
    array: Tensor, affine: np.ndarray, shape: tuple[int, ...], value: float
) -> tuple[Tensor, np.ndarray]:
    """Pad with ``value`` or crop (D, H, W) about its middle."""
    start = np.array([(old - new) // 2 for old, new in zip(array.shape, shape, strict=True)])
    start = np.where(start < 0, -((np.array(shape) - array.shape) // 2), start)
    border = []
    for old, new, first in reversed(list(zip(array.shape, shape, start, strict=True))):
        border += [int(-first), int(new - old + first)]  # negative ones crop
    return functional.pad(array, border, value=value), _moved(affine, start)


def _moved(affine: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The affine of an array whose voxel 0 is voxel ``start`` (3,) of the old one."""
    out = affine.copy()
    out[:3, 3] += affine[:3, :3] @ start
    return out
