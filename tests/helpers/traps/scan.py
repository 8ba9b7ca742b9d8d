"""A scan whose true value is known at every point in space, and how it is stored as DICOM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.helpers.ct.dicom_files import UID, Edit, Turn, ct_slice, finish, place, save

AS_SCANNED = Turn()
OTHER = 11  # HU by which a series that must not be read is brighter


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scanner measured, and where.

    Attributes:
        hu: int16 (slice, row, column); slices ascend, rows go to Posterior, columns to Left.
        origins: float64 (slice, 3), mm (L, P, S), center of the first voxel of each slice.
        orientation: float64 (2, 3), unit vectors along a row and along a column.
        spacing: mm between rows, between columns.
    """

    hu: np.ndarray
    origins: np.ndarray
    orientation: np.ndarray
    spacing: tuple[float, float]

    def keep(self, index: Sequence[int]) -> Scan:
        """Some of the slices."""
        index = list(index)
        return replace(self, hu=self.hu[index], origins=self.origins[index])

    def points(self) -> np.ndarray:
        """Float64 (slice, row, column, 3): mm (L, P, S) of every voxel's center."""
        across, down = self.orientation
        rows, columns = self.hu.shape[1:]
        return (
            self.origins[:, None, None, :]
            + np.arange(rows)[None, :, None, None] * self.spacing[0] * down
            + np.arange(columns)[None, None, :, None] * self.spacing[1] * across
        )


def body(points: np.ndarray) -> np.ndarray:
    """HU at points (..., 3), mm: a slope in every direction with a slow wave, alike nowhere.

    Smooth, so that a reader that interpolates between slices is not punished for it.
    """
    left, posterior, superior = np.moveaxis(points, -1, 0)
    wave = 60.0 * np.sin(left / 30.0) * np.cos(posterior / 25.0)
    return np.rint(2.5 * left + 3.0 * posterior + 4.0 * superior - 300.0 + wave).astype(np.int16)


def brighter(what: Scan) -> Scan:
    """The same place with other values: another kernel, another pass, a map."""
    return replace(what, hu=what.hu + np.int16(OTHER))


def scan(
    slices: int = 12,
    step: float | Sequence[float] = 5.0,
    *,
    tilt: float = 0.0,
    pitch: float = 0.0,
    spacing: tuple[float, float] = (4.0, 4.0),
    shape: tuple[int, int] = (32, 28),
) -> Scan:
    """Scan ``body`` with axial slices around the origin.

    Args:
        slices: how many, where ``step`` is one number.
        step: mm along the slice normal.
        tilt: degrees; the slices lean, the table still travels along S, so they are sheared.
        pitch: degrees; slices and stack lean alike, as in an oblique reformat.
        spacing: mm between rows, between columns.
        shape: rows, columns.
    """
    steps = np.full(slices - 1, step) if np.isscalar(step) else np.asarray(step, dtype=float)
    angle = np.radians(tilt + pitch)
    across, down = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    normal = np.cross(across, down)
    travel = normal if pitch else np.array([0, 0, 1.0]) / np.cos(angle)
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    heights -= heights[-1] / 2
    corner = -across * spacing[1] * (shape[1] - 1) / 2 - down * spacing[0] * (shape[0] - 1) / 2
    origins = np.round(corner + heights[:, None] * travel, 6)
    empty = Scan(np.zeros((len(heights), *shape)), origins, np.stack([across, down]), spacing)
    return replace(empty, hu=body(empty.points()))


def store(
    folder: Path,
    what: Scan,
    *,
    turn: Turn = AS_SCANNED,
    series: str = f"{UID}.1.1",
    slope: float | Sequence[float] = 1.0,
    intercept: float = -1024.0,
    signed: bool = False,
    syntax: str = ExplicitVRLittleEndian,
    names: Sequence[str] | None = None,
    edit: Edit | None = None,
    **header: object,
) -> list[Path]:
    """One file a slice; ``header`` and then ``edit`` override elements."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for i, factor in enumerate(np.broadcast_to(slope, len(what.hu))):
        ds = stored_slice(what, i, turn, series, (factor, intercept), signed)
        finish(ds, i, header, edit)
        paths.append(folder / (names[i] if names else f"{i:03d}.dcm"))
        save(ds, paths[-1], syntax)
    return paths


def stored_slice(
    what: Scan,
    index: int,
    turn: Turn = AS_SCANNED,
    series: str = f"{UID}.1.1",
    rescale: tuple[float, float] = (1.0, -1024.0),
    signed: bool = False,
) -> Dataset:
    """One slice as a CT image; ``rescale`` is slope and intercept."""
    image = what.hu[index]
    stored = np.rint((image.astype(float) - rescale[1]) / rescale[0])
    ds = ct_slice(turn.stored(stored.astype(np.int16 if signed else np.uint16)), series, index)
    place(ds, what.origins[index], what.orientation, what.spacing, image.shape, turn)
    if not signed and stored.max() < 4096:
        ds.BitsStored, ds.HighBit = 12, 11
    ds.RescaleSlope, ds.RescaleIntercept = float(rescale[0]), float(rescale[1])
    ds.FrameOfReferenceUID = f"{UID}.5"
    ds.PatientPosition, ds.SeriesNumber, ds.StudyID = "HFS", int(series.rsplit(".", 1)[1]), "1"
    ds.Manufacturer = "Philips"
    ds.PatientName, ds.StudyTime, ds.SeriesTime = "TRAP^ONE", "101500", "101500"
    return ds
