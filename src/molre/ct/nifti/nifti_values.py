"""Voxel values of a NIfTI: a refusal of what is not in Hounsfield units, and the way to HU."""

from __future__ import annotations

import math

import numpy as np

from molre.ct.checks.blank import blank_slices
from molre.ct.checks.border import constant_border
from molre.ct.checks.hu_check import UNCHECKED, Verdict, check_hu
from molre.ct.checks.slice_scale import off_scale
from molre.ct.dicom.pixels import sampled
from molre.ct.nifti.hu_map import CORMACK_MAPS, HuMap
from molre.ct.volume import AIR, HU_MAX, HU_MIN
from molre.errors import RefusedScan

NOT_HU = "convert the original DICOM series again without rescaling, or give the DICOM series"

_BRAIN = (5.0, 48.0)  # HU in the middle of a head; the two forms of Cormack units are 24 HU apart
_TISSUE = (-50.0, 120.0)  # HU, under a map that is the user's own
# value = slope * (HU + offset)
_LINEAR = [(s, o) for s in (1.0, 10.0, 0.1, 0.5, 2.0, 0.001) for o in (0.0, 1024.0, -1024.0)]
_OFFSETS = (HuMap.parse("1:-1024"), HuMap.parse("1:-1000"))


def hounsfield(
    voxels: np.ndarray, entry: str, notes: list[str], hu_map: HuMap | None = None
) -> np.ndarray:
    """Check that the values are HU, make the background air, clamp.

    Args:
        voxels: float32 (slice, row, column).
        entry: for errors.
        notes: grows by what was done.
        hu_map: how the values become HU; by default they are HU.

    Returns:
        int16 of the same shape, in [-1024, 3071].

    Raises:
        RefusedScan: they are not HU, or not after the map.
    """
    bad = ~np.isfinite(voxels)
    if hu_map:
        voxels = _mapped(voxels, hu_map, entry, notes)
    if bad.any():
        notes.append(f"{int(bad.sum())} voxels were not numbers and became air")
        voxels = np.where(bad, np.float32(AIR), voxels)
    verdict = check_hu(voxels[~bad] if bad.any() else voxels)
    if verdict.problem and voxels.min() <= -200:
        fix = _remedy(voxels, verdict) if hu_map is None else NOT_HU
        raise RefusedScan(f"{verdict.problem}, so it is not in HU", where=entry, fix=fix)
    if voxels.min() > -200:
        background = _background(voxels)
        problem = _why_not_hu(voxels, background) or verdict.problem
        if problem:
            fix = _remedy(voxels, verdict) if hu_map is None else NOT_HU
            raise RefusedScan(f"{problem}, so it is not in HU", where=entry, fix=fix)
        level = float(voxels[background].flat[0])
        voxels = np.where(background, np.float32(AIR), voxels)
        notes.append(f"the background had the constant value {level:g} and became air")
    else:
        if not verdict.checked:
            notes.append(UNCHECKED)
        voxels = _without_border(voxels, notes)
    odd = off_scale([sampled(one).ravel() for one in voxels])
    if odd:
        what = f"slice {odd[0] + 1} of {len(voxels)} is not in HU as the others are: {odd[1]}"
        raise RefusedScan(what, where=entry, fix=NOT_HU)
    saturated = float(np.mean(voxels >= HU_MAX))
    if saturated:
        notes.append(f"{saturated:.2%} of the voxels are saturated (3071 HU or above)")
    hu = np.rint(np.clip(voxels, HU_MIN, HU_MAX)).astype(np.int16)
    notes += blank_slices(hu)
    return hu


def _without_border(voxels: np.ndarray, notes: list[str]) -> np.ndarray:
    """A constant border around a scan that holds air is no tissue."""
    found = constant_border(voxels)
    if not found:
        return voxels
    notes.append(f"the border had the constant value {found[0]:g} and became air")
    return np.where(found[1], np.float32(AIR), voxels)


def _mapped(voxels: np.ndarray, hu_map: HuMap, entry: str, notes: list[str]) -> np.ndarray:
    notes.append(f"its values were mapped to HU by {hu_map.name!r}, as asked")
    hu = hu_map.to_hu(voxels)
    middle = _brain(hu)
    low, high = _BRAIN if hu_map.offset is not None else _TISSUE
    if low <= middle <= high:
        return hu
    others = [other.name for other in CORMACK_MAPS if other.name != hu_map.name]
    raise RefusedScan(
        f"mapped by {hu_map.name!r}, its middle is at {middle:.0f} HU where brain is near 35",
        where=entry,
        fix=f"try the map {' or '.join(others)}, or give the DICOM series",
    )


def _remedy(voxels: np.ndarray, verdict: Verdict) -> str:
    """A map to HU that would fit, if one of the usual ones does."""
    if voxels.min() >= 0:
        for hu_map in (*CORMACK_MAPS, *_OFFSETS):
            hu = hu_map.to_hu(voxels)
            if hu.min() < -900 and hu.max() > 300 and _BRAIN[0] <= _brain(hu) <= _BRAIN[1]:
                units = "Cormack units" if hu_map.offset else "HU with an offset"
                return f"if these are {units}, give --hu-map {hu_map.name} (hu_map in Python)"
    if verdict.slope and verdict.intercept is not None:
        for slope, intercept in _LINEAR:
            near = 0.85 < verdict.slope / slope < 1.18
            if near and abs(verdict.intercept / slope - intercept) < 100:
                name = f"{1 / slope:g}:{-intercept:g}"
                return f"if that is so, give --hu-map {name} (hu_map in Python)"
    return NOT_HU


def _brain(hu: np.ndarray) -> float:
    """Median of the middle of what is no air, HU; nan where all is air."""
    air = ~(hu > -500)
    return math.nan if air.all() else float(np.median(_middle(hu, air)))


def _background(voxels: np.ndarray) -> np.ndarray:
    """Voxels with the border's commonest value that are connected to the border; bool."""
    from scipy import ndimage

    faces = np.concatenate(
        [face.ravel() for a in range(3) for face in (voxels.take(0, a), voxels.take(-1, a))]
    )
    values, counts = np.unique(faces, return_counts=True)
    constant = np.abs(voxels - values[np.argmax(counts)]) < 0.5
    regions, _ = ndimage.label(constant)
    edge = [side.ravel() for a in range(3) for side in (regions.take(0, a), regions.take(-1, a))]
    touching = np.unique(np.concatenate(edge))
    return np.isin(regions, touching[touching > 0])


def _why_not_hu(voxels: np.ndarray, background: np.ndarray) -> str | None:
    """What a head CT without air would need: a constant background, bone, soft tissue near 40."""
    low, high = float(voxels.min()), float(voxels.max())
    scan = voxels[~background]
    if background.mean() < 0.1 or scan.size == 0:
        return f"its values run from {low:g} to {high:g}, without air (-1000)"
    if high < 300:
        return f"its values run from {low:g} to {high:g}, without air and bone"
    inside = scan[(scan > -150) & (scan < 150)].size / scan.size
    middle = float(np.median(_middle(voxels, background)))
    if inside < 0.3 or not _TISSUE[0] <= middle <= _TISSUE[1]:
        return f"its middle is at {middle:g} where brain is near 35"
    return None


def _middle(voxels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The central third of the scanned box."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(~background.all(axis=others))
        third = max(1, (used[-1] - used[0] + 1) // 3)
        start = used[0] + (used[-1] - used[0] + 1 - third) // 2
        box.append(slice(int(start), int(start + third)))
    return voxels[tuple(box)]
