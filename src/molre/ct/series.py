"""From slice headers to series: grouped by what makes slices stack, before any pixel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from molre.ct.header import SliceHeader
from molre.ct.volume import Acquisition

SAME_DIRECTION = 0.01  # of a direction cosine
SAME_PLACE = 0.01  # mm


@dataclass(frozen=True)
class Series:
    """Slices that stack to one volume.

    Attributes:
        uid: Series Instance UID (0020,000E); "" for a NIfTI.
        files: names of :class:`molre.ct.sources.Source`, in no particular order.
        slices: number of slices, duplicates included.
        acquisition: of the first slice.
        extent_mm: distance from the first to the last slice.
        step_mm: median step.
        even: whether the steps agree.
        derived: reformatted or otherwise derived from an original.
        lossy: any slice was compressed with loss.
        score: see :mod:`molre.ct.choice`.
        reasons: the score's parts, in words.
    """

    uid: str
    files: tuple[str, ...]
    slices: int
    acquisition: Acquisition
    extent_mm: float = 0.0
    step_mm: float = 0.0
    even: bool = True
    derived: bool = False
    lossy: bool = False
    score: float = 0.0
    reasons: tuple[str, ...] = ()


def group(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Split one series' slices by size, spacing and orientation, then by acquisition if need be.

    Step-and-shoot scanners number every slice as an acquisition of its own, so acquisitions (and
    kernels, and image types) are only told apart where they lie on the same positions.
    """
    stacks: list[list[SliceHeader]] = []
    for h in headers:
        for stack in stacks:
            if _alike(stack[0], h):
                stack.append(h)
                break
        else:
            stacks.append([h])
    return [part for stack in stacks for part in _unfold(stack)]


def describe(uid: str, headers: Sequence[SliceHeader]) -> Series:
    """A series of slices that stack."""
    positions = np.unique(np.round(along(headers), 2))
    steps = np.diff(positions)
    first = headers[0]
    return Series(
        uid=uid,
        files=tuple(dict.fromkeys(h.file for h in headers)),
        slices=len(headers),
        acquisition=first.acquisition,
        extent_mm=float(np.ptp(positions)),
        step_mm=float(np.median(steps)) if len(steps) else 0.0,
        even=bool(len(steps) < 2 or np.ptp(steps) <= max(0.05, 0.02 * float(np.median(steps)))),
        derived="DERIVED" in first.image_type,
        lossy=any(h.lossy for h in headers),
    )


def along(headers: Sequence[SliceHeader]) -> np.ndarray:
    """Positions along the first slice's normal, mm, (S,)."""
    return np.array([h.position for h in headers], dtype=float) @ headers[0].normal


def scored(series: Series, score: float, reasons: tuple[str, ...]) -> Series:
    """The series with its score."""
    return replace(series, score=score, reasons=reasons)


def _alike(a: SliceHeader, b: SliceHeader) -> bool:
    if (a.rows, a.columns, a.frame is None) != (b.rows, b.columns, b.frame is None):
        return False
    same_spacing = np.allclose(a.spacing, b.spacing, rtol=1e-3)  # type: ignore[arg-type]
    turned = np.abs(np.subtract(a.orientation, b.orientation)).max()  # type: ignore[arg-type]
    return bool(same_spacing and turned < SAME_DIRECTION)


def _unfold(stack: list[SliceHeader]) -> list[list[SliceHeader]]:
    for key in (_reconstruction, _acquisition):
        if not _overlaps(stack):
            break
        parts: dict[object, list[SliceHeader]] = {}
        for h in stack:
            parts.setdefault(key(h), []).append(h)
        if len(parts) > 1:
            return [p for part in parts.values() for p in _unfold(part)]
    return [stack]


def _overlaps(stack: list[SliceHeader]) -> bool:
    """Whether two different slices lie on one position."""
    order = sorted(zip(along(stack), (h.sop_uid or h.file for h in stack), strict=True))
    return any(
        b[0] - a[0] < SAME_PLACE and a[1] != b[1] for a, b in zip(order, order[1:], strict=False)
    )


def _reconstruction(h: SliceHeader) -> object:
    a = h.acquisition
    return (a.kernel, a.slice_thickness, h.image_type, a.kvp)


def _acquisition(h: SliceHeader) -> object:
    return h.acquisition_number
