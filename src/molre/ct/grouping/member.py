"""One slice of a stack: a file and which of its planes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molre.ct.dicom.header import Header, Plane
from molre.ct.grouping.steps import Slices


@dataclass(frozen=True)
class Member:
    """One slice."""

    header: Header
    plane: Plane

    @property
    def position(self) -> np.ndarray:
        """mm (L, P, S), (3,)."""
        return np.asarray(self.plane.position, dtype=np.float64)

    @property
    def orientation(self) -> np.ndarray:
        """(2, 3): unit vectors of increasing column and increasing row index."""
        vectors = np.asarray(self.plane.orientation, dtype=np.float64).reshape(2, 3)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    @property
    def named(self) -> str:
        """Its file, and which frame of it, from 1."""
        file, frame = self.header.file, self.plane.frame
        return file if frame is None else f"frame {frame + 1} of {file}"

    @property
    def time(self) -> str | None:
        """When it was acquired, as written; with the date, where that is stated."""
        return next((words for words in self.plane.along.time if words), None)

    @property
    def contrast(self) -> bool | None:
        """Whether contrast was given; a frame that says so itself is believed."""
        stated = (self.plane.marks.contrast or "").upper()
        if self.plane.frame is not None and stated in ("YES", "NO"):
            return stated == "YES"
        return self.header.acquisition.contrast


def placed(members: Sequence[Member], heights: np.ndarray) -> Slices:
    """Place, thickness and Instance Number of each slice.

    Args:
        members: ascending along the slice normal.
        heights: of each, mm (S,).
    """
    return Slices(
        heights,
        np.array([member.plane.thickness or np.nan for member in members], dtype=np.float64),
        np.array([member.plane.along.instance or 0 for member in members]),
    )
