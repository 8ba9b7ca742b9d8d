"""The slices a scanner takes: where every voxel lies in the head's own coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Grid:
    """Slices of a head; coordinates are mm, x towards Left, y Posterior, z Superior.

    The origin lies midway between the walls of the skull at the level of the foramina of Monro.

    Attributes:
        zs, ys, xs: float32 (S,), (R,), (C,): positions of slices, rows, columns in scanner axes.
        tilt: gantry tilt, radians; the slices lean, the table still travels along z.
        yaw, roll: how the head lies on the table, radians.
    """

    zs: np.ndarray
    ys: np.ndarray
    xs: np.ndarray
    tilt: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, R, C)."""
        return len(self.zs), len(self.ys), len(self.xs)

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(zs, ys, xs), for textures that need not follow tilt and pose."""
        return self.zs, self.ys, self.xs

    @cached_property
    def _plane(self) -> tuple[np.ndarray, np.ndarray]:
        y = (self.ys * np.cos(self.tilt))[None, :, None]
        x = self.xs[None, None, :]
        turned_x = np.cos(self.yaw) * x + np.sin(self.yaw) * y
        turned_y = np.cos(self.yaw) * y - np.sin(self.yaw) * x
        return turned_x.astype(np.float32), turned_y.astype(np.float32)

    @property
    def x(self) -> np.ndarray:
        """float32 (1, R, C)."""
        return self._plane[0]

    @property
    def y(self) -> np.ndarray:
        """float32 (1, R, C)."""
        return self._plane[1]

    @cached_property
    def z(self) -> np.ndarray:
        """float32 (S, R, C)."""
        lean = -np.sin(self.tilt) * self.ys[None, :, None] + self.roll * self.xs[None, None, :]
        return (self.zs[:, None, None] + lean).astype(np.float32)

    def box(self, center: Sequence[float], half: Sequence[float]) -> Box:
        """The smallest index box that holds ``center`` ± ``half`` (mm); empty where it misses."""
        near_x = np.abs(self.x[0] - center[0]) <= half[0]
        near = near_x & (np.abs(self.y[0] - center[1]) <= half[1])
        rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        if not (rows.size and columns.size):
            return slice(0, 0), slice(0, 0), slice(0, 0)
        area = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        corners = self.z[
            :,
            [rows[0], rows[0], rows[-1], rows[-1]],
            [columns[0], columns[-1], columns[0], columns[-1]],
        ]
        hit = (corners.min(1) <= center[2] + half[2]) & (corners.max(1) >= center[2] - half[2])
        slices = np.flatnonzero(hit)
        if not slices.size:
            return slice(0, 0), slice(0, 0), slice(0, 0)
        return slice(slices[0], slices[-1] + 1), *area

    def at(self, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """x, y, z of a box, broadcastable to its shape."""
        area = (slice(None), box[1], box[2])
        return self.x[area], self.y[area], self.z[box]

    def axes_at(self, box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(zs, ys, xs) of a box, for `smooth_noise`."""
        return self.zs[box[0]], self.ys[box[1]], self.xs[box[2]]
