"""Is this a whole head with a brain inside? A check that needs no model.

Each slice is judged at about 2 mm: the largest body, the share of directions from its centre in
which the outer band holds bone (a skull is a ring; a neck or a knee is not), and the share of its
core that has the density of brain, blood or fluid. The volume is judged over all its slices, so a
craniectomy, a large hemorrhage or metal on some of them changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.ct.volume import Volume

GRID_MM = 2.0
BODY_HU = -250
BONE_HU = 220
BRAIN_HU = (-5, 95)
BAND_MM = 24.0  # scalp and skull
CORE_MM = 14.0  # inside of both
AREA_MM2 = (6_000, 45_000)
RING_SHARE = 0.60
BRAIN_SHARE = 0.45
SECTORS = 36
COMPLETE_MM = 75.0  # of slices with brain; an adult's are 110 to 140
GAP_MM = 25.0


@dataclass(frozen=True)
class HeadCheck:
    """Whether a volume is a whole head, why not, and how much brain it covers (mm)."""

    ok: bool
    reasons: tuple[str, ...]
    coverage_mm: float


def check_head(volume: Volume) -> HeadCheck:
    """Judge a volume; see the module's docstring.

    Returns:
        HeadCheck; its reasons tell "not a head" from "incomplete".
    """
    kinds = [_slice_kind(_shrink(hu, volume)) for hu in volume.hu]
    brain = np.array([k == "brain" for k in kinds])
    if not brain.any():
        return HeadCheck(False, (_not_a_head(kinds),), 0.0)
    where = np.flatnonzero(brain)
    positions = volume.positions
    usual = float(np.median(volume.steps)) if len(volume) > 1 else 0.0
    covered = float(positions[where[-1]] - positions[where[0]] + min(usual, 10.0))
    if len(volume) == 1 or covered < COMPLETE_MM:
        said = f"incomplete: {covered:.0f} mm of brain covered, at least {COMPLETE_MM:.0f} needed"
        return HeadCheck(False, (said,), covered)
    gap = float(volume.steps[where[0] : where[-1]].max())
    if gap > GAP_MM:
        return HeadCheck(False, (f"incomplete: {gap:.0f} mm without a slice",), covered)
    return HeadCheck(True, (), covered)


def _not_a_head(kinds: list[str]) -> str:
    if kinds.count("skull without brain") >= max(1, len(kinds) // 4):
        return "not a patient's head: a skull without the density of brain inside (a phantom?)"
    return "not a head: no slice shows brain within a skull"


def _shrink(hu: np.ndarray, volume: Volume) -> np.ndarray:
    """Block means at about 2 mm, so that noise and kernels matter less."""
    rows = max(1, round(GRID_MM / volume.pixel_spacing[0]))
    columns = max(1, round(GRID_MM / volume.pixel_spacing[1]))
    height, width = hu.shape[0] // rows * rows, hu.shape[1] // columns * columns
    blocks = hu[:height, :width].reshape(height // rows, rows, width // columns, columns)
    small = blocks.mean(axis=(1, 3), dtype=np.float32)
    exact = (rows * volume.pixel_spacing[0], columns * volume.pixel_spacing[1])
    if abs(exact[0] - GRID_MM) < 0.5 and abs(exact[1] - GRID_MM) < 0.5:
        return small
    from scipy import ndimage

    return ndimage.zoom(small, (exact[0] / GRID_MM, exact[1] / GRID_MM), order=1)


def _slice_kind(hu: np.ndarray) -> str:
    """``brain``, ``skull without brain``, or ``other`` for one slice at 2 mm."""
    from scipy import ndimage

    body = _largest(ndimage.binary_opening(hu > BODY_HU))
    body = ndimage.binary_fill_holes(body)
    area = float(body.sum()) * GRID_MM**2
    if not AREA_MM2[0] <= area <= AREA_MM2[1]:
        return "other"
    depth = ndimage.distance_transform_edt(body) * GRID_MM
    bone = body & (hu > BONE_HU) & (depth <= BAND_MM)
    if _ring(body, bone) < RING_SHARE:
        return "other"
    core = hu[depth > CORE_MM]
    if not core.size:
        return "other"
    share = float(((core > BRAIN_HU[0]) & (core < BRAIN_HU[1])).mean())
    if share >= BRAIN_SHARE:
        return "brain"
    return "skull without brain" if share < 0.2 else "other"


def _largest(mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()


def _ring(body: np.ndarray, bone: np.ndarray) -> float:
    """Share of directions from the body's centre in which there is bone near the outside."""
    rows, columns = np.nonzero(body)
    at = np.argwhere(bone)
    if not len(at):
        return 0.0
    angles = np.arctan2(at[:, 0] - rows.mean(), at[:, 1] - columns.mean())
    sectors = ((angles + np.pi) / (2 * np.pi) * SECTORS).astype(int) % SECTORS
    return len(np.unique(sectors)) / SECTORS
