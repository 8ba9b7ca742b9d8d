"""Where the voxels of a NIfTI are in space: its sform, its qform, and what contradicts them."""

from __future__ import annotations

from typing import Any

import numpy as np

from molre.errors import RefusedScan, raise_of_machine

_SAME_MM = 0.5  # qform and sform agree
_SAME_SIZE = 0.02  # of itself


def affine_of(header: Any, entry: str, notes: list[str]) -> np.ndarray:
    """Voxel index to mm (R, A, S), float64 (4, 4): the sform, else the qform. ``notes`` grows.

    Raises:
        RefusedScan: one of them mirrors the other or is turned against it, so that left and right
            are not certain.
    """
    try:
        _compare_sizes(header, notes)
        best = np.asarray(header.get_best_affine(), dtype=np.float64)
        if not (header["qform_code"] or header["sform_code"]):
            notes.append("its header states no orientation; left and right may be swapped")
        if not (header["qform_code"] and header["sform_code"]):
            return best
        other = np.asarray(header.get_qform(), dtype=np.float64)
    except Exception as error:  # a quaternion that is none
        raise_of_machine(error)
        raise RefusedScan(
            "its qform or sform is not a rotation, so its orientation is not usable",
            where=entry,
            fix="convert it again",
        ) from error
    if np.linalg.det(best[:3, :3]) * np.linalg.det(other[:3, :3]) < 0:
        raise RefusedScan(
            "its qform and its sform mirror each other, so left and right are not certain",
            where=entry,
            fix="convert the original DICOM series again",
        )
    if _turned(best, other):
        raise RefusedScan(
            "its qform and its sform are turned against each other, so left and right are not "
            "certain",
            where=entry,
            fix="convert the original DICOM series again",
        )
    ends = np.array([[i, j, k, 1.0] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    ends[:, :3] *= np.array(header.get_data_shape()[:3]) - 1
    apart = float(np.linalg.norm((ends @ (best - other).T)[:, :3], axis=1).max())
    if not apart < _SAME_MM:
        notes.append(f"its qform and sform are up to {apart:.1f} mm apart: the sform was used")
    return best


def _turned(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether what is left by one of them is right by the other, though neither is a mirror."""
    turn = _directions(one) @ np.linalg.pinv(_directions(other))
    return bool(turn[0, 0] < 0)


def _directions(affine: np.ndarray) -> np.ndarray:
    """Unit vectors of the axes, (3, 3); of a size of 0, none."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return np.divide(affine[:3, :3], lengths, where=lengths > 0, out=np.zeros((3, 3)))


def _compare_sizes(header: Any, notes: list[str]) -> None:
    """A note where the sform has voxels of another size than pixdim, which may be the true one."""
    if not header["sform_code"] or header["qform_code"]:
        return  # qform and sform are compared as a whole
    stated = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    used = np.linalg.norm(np.asarray(header.get_sform(), dtype=np.float64)[:3, :3], axis=0)
    unset = np.all((stated == 0) | (stated == 1)) or not np.isfinite(stated).all()
    if unset or np.allclose(stated, used, rtol=_SAME_SIZE):
        return
    words = [" x ".join(f"{size:.3g}" for size in sizes) for sizes in (used, stated)]
    notes.append(
        f"its sform has voxels of {words[0]} mm, its header states {words[1]} (pixdim): "
        "the sform was used"
    )
