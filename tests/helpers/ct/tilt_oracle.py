"""dcm2niix's tilt correction as a second opinion: its pixels, as its headers are wrong there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
from scipy.ndimage import binary_erosion

AIR = -900
TOOL = Path(sys.executable).with_name("dcm2niix")


def upright_pixels(folder: Path, out: Path) -> tuple[np.ndarray, tuple[float, float, float]]:
    """What dcm2niix makes of a tilted series.

    Returns:
        HU (slice, row, column), slices to Superior and rows to Posterior, and its voxels in mm.
    """
    out.mkdir()
    subprocess.run([TOOL, "-z", "n", "-f", "x", "-o", out, folder], check=True, capture_output=True)
    (path,) = out.glob("*_Tilt*.nii")
    image = nibabel.load(path)
    between_columns, between_rows, between_slices = map(float, image.header.get_zooms()[:3])
    values = np.asarray(image.dataobj).transpose(2, 1, 0)[:, ::-1]
    return values, (between_slices, between_rows, between_columns)


def agreement(ours: np.ndarray, theirs: np.ndarray, rim: int) -> np.ndarray:
    """Absolute differences in HU, away from air and from the rim of either copy.

    The rows of the two copies begin at different places. One shift for the whole stack is taken
    out: where a row begins is said by headers, and theirs are wrong.
    """
    slices = min(len(ours), len(theirs))
    ours, theirs = ours[:slices].astype(float), theirs[:slices].astype(float)
    some = slice(0, slices, max(1, slices // 6))

    def misfit(shift: float) -> float:
        return float(_apart(ours[some], theirs[some], shift, rim).mean())

    whole = min(np.arange(-3.0, 4.0), key=misfit)
    shift = min(whole + np.arange(-1, 1.01, 0.05), key=misfit)
    apart = _apart(ours, theirs, float(shift), rim)
    assert apart.size > 0.5 * np.count_nonzero(theirs > AIR)
    return apart


def _apart(ours: np.ndarray, theirs: np.ndarray, shift: float, rim: int) -> np.ndarray:
    rows = np.arange(theirs.shape[1]) + shift
    low = np.clip(np.floor(rows).astype(int), 0, ours.shape[1] - 2)
    part = np.clip(rows - low, 0, 1)[None, :, None]
    moved = (1 - part) * ours[:, low] + part * ours[:, low + 1]
    both = (theirs > AIR) & (ours[:, low] > AIR) & (ours[:, low + 1] > AIR)
    for box in ((3, 1, 1), (1, rim, 1), (1, 1, rim)):
        both = binary_erosion(both, np.ones(box))
    return np.asarray(np.abs(moved - theirs)[both])
