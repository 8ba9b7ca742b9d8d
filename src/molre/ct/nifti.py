"""NIfTI to Volume: any orientation, and only what is in HU."""

from __future__ import annotations

from typing import Any

import numpy as np

from molre.ct.geometry import canonical
from molre.ct.sources import Source
from molre.ct.volume import AIR, HU_MAX, HU_MIN, SliceSource, Volume
from molre.errors import RefusedScan

NOT_HU = "convert it to HU first (air -1000, water 0)"
MAX_VOXELS = 2**31
BONE = 250  # HU; a head without any voxel above it is in other units
TISSUE = (-200, 200)  # HU; most of what is not air in a head
TISSUE_SHARE = 0.3


def describe_nifti(source: Source) -> tuple[int, float, float]:
    """Slices, extent and step in mm, from the header.

    Raises:
        RefusedScan: not a readable three-dimensional NIfTI.
    """
    image = _open(source)
    affine = _to_lps(image.affine)
    axis = _axes(affine)[0]
    slices = int(image.shape[axis])
    normal = np.cross(affine[:3, _axes(affine)[2]], affine[:3, _axes(affine)[1]])
    step = float(abs(affine[:3, axis] @ normal) / np.linalg.norm(normal))
    return slices, step * (slices - 1), step


def read_nifti(source: Source) -> Volume:
    """Read a NIfTI in HU.

    The axis nearest to Superior becomes the slices, whatever the storage order; oblique and
    sheared affines are kept. A constant background that touches the border and is no air
    becomes air, with a note.

    Raises:
        RefusedScan: unreadable, not three-dimensional, or not in HU.
    """
    image = _open(source)
    try:
        data = np.asarray(image.dataobj, dtype=np.float32)
    except Exception as error:  # truncated or damaged data: nibabel and zlib raise many kinds
        raise RefusedScan(
            f"its voxels cannot be read ({type(error).__name__})",
            where=source.name,
            fix="copy the file again from its source",
        ) from None
    affine = _to_lps(image.affine)
    slices, rows, columns = _axes(affine)
    data = data.reshape(image.shape[:3]).transpose(slices, rows, columns)
    if not np.isfinite(data).all():
        data = np.nan_to_num(data, nan=AIR, posinf=HU_MAX, neginf=AIR)
    lowest = float(data.min())
    data, notes = _background(data)
    _require_hu(data, lowest, source)
    if affine[2, slices] < 0:
        data, affine = _reversed(data, affine, slices, image.shape[slices])
    return _volume(data, affine, (slices, rows, columns), notes)


def _volume(
    data: np.ndarray, affine: np.ndarray, order: tuple[int, int, int], notes: list[str]
) -> Volume:
    slices, rows, columns = order
    origins = affine[:3, 3] + np.arange(len(data))[:, None] * affine[:3, slices]
    right, down = affine[:3, columns], affine[:3, rows]
    spacing = (float(np.linalg.norm(down)), float(np.linalg.norm(right)))
    directions = np.stack([right / spacing[1], down / spacing[0]])
    axes, origins, directions, spacing = canonical(origins, directions, spacing, data.shape[1:])
    hu = np.rint(np.clip(data, HU_MIN, HU_MAX)).astype(np.int16)
    return Volume(
        hu=axes.apply(hu),
        origins=origins,
        orientation=directions,
        pixel_spacing=spacing,
        source=tuple(SliceSource(i) for i in range(len(data))),
        notes=tuple(["read from NIfTI: no acquisition data", *notes]),
    )


def _open(source: Source) -> Any:
    import nibabel

    if ".zip!" in source.name.lower():
        raise RefusedScan(
            "a NIfTI inside a zip is not read", where=source.name, fix="unpack it first"
        )
    try:
        image = nibabel.load(source.name)
        affine = image.affine
    except FileNotFoundError:
        raise RefusedScan("is gone", where=source.name) from None
    except Exception as error:
        raise RefusedScan(
            f"cannot be read as NIfTI ({type(error).__name__})",
            where=source.name,
            fix="copy the file again from its source",
        ) from None
    shape = tuple(n for n in image.shape[3:] if n != 1)
    if len(image.shape) < 3 or shape or min(image.shape[:3]) < 1:
        raise RefusedScan(
            f"has shape {image.shape}, not three dimensions", where=source.name, fix="give one scan"
        )
    if np.prod(image.shape[:3], dtype=float) > MAX_VOXELS:
        raise RefusedScan(f"declares {image.shape} voxels, more than any CT", where=source.name)
    if affine is None or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise RefusedScan("has no usable affine", where=source.name, fix="write one that is")
    return image


def _to_lps(affine: np.ndarray) -> np.ndarray:
    """NIfTI's axes point Right-to-left the other way: RAS to DICOM's LPS."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _axes(affine: np.ndarray) -> tuple[int, int, int]:
    """Storage axes nearest to Superior, Posterior and Left."""
    from itertools import permutations

    unit = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)

    def fit(order: tuple[int, ...]) -> float:
        return float(sum(abs(unit[world, axis]) for world, axis in zip((2, 1, 0), order, strict=True)))

    s, p, left = max(permutations(range(3)), key=fit)
    return s, p, left


def _reversed(
    data: np.ndarray, affine: np.ndarray, axis: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    turned = affine.copy()
    turned[:3, 3] += affine[:3, axis] * (count - 1)
    turned[:3, axis] = -affine[:3, axis]
    return data[::-1], turned


def _background(data: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Turn a constant border value that is no air into air, where it touches the border."""
    from scipy import ndimage

    corners = data[::-1 if len(data) > 1 else 1][:: max(1, len(data) - 1), ::-1, ::-1]
    corners = corners[:, :: max(1, data.shape[1] - 1), :: max(1, data.shape[2] - 1)]
    values, counts = np.unique(corners, return_counts=True)
    value = float(values[counts.argmax()])
    if counts.max() < corners.size / 2 or value <= -500:
        return data, []
    outside, _ = ndimage.label(data == value)
    faces = [outside[0], outside[-1], outside[:, 0], outside[:, -1], outside[:, :, 0], outside[:, :, -1]]
    touching = np.unique(np.concatenate([f.ravel() for f in faces]))
    mask = np.isin(outside, touching[touching > 0])
    return np.where(mask, np.float32(AIR), data), [f"background of {value:g} became air"]


def _require_hu(data: np.ndarray, lowest: float, source: Source) -> None:
    """Fat and air are below zero in HU; bone is above 250; most of a head is near zero."""
    inside = data[data > -500]
    if lowest >= 0 or data.min() > -500 or not inside.size:
        raise RefusedScan(
            f"is not in HU: its values run from {lowest:g} to {data.max():g} without air",
            where=source.name,
            fix=NOT_HU,
        )
    if data.max() < BONE:
        raise RefusedScan(
            f"is not in HU: its largest value is {data.max():g}, below any bone",
            where=source.name,
            fix=NOT_HU,
        )
    share = float(((inside > TISSUE[0]) & (inside < TISSUE[1])).mean())
    if share < TISSUE_SHARE:
        raise RefusedScan(
            f"is not in HU: only {100 * share:.0f} % of what is not air lies between -200 and 200",
            where=source.name,
            fix=NOT_HU,
        )
