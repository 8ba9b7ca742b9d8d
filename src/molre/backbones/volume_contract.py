"""The input contract of a 3D backbone: which grid of voxels it is given, saved with every model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from molre.backbones.contract import Number, Width, checked, one_a_channel
from molre.ct.windows import Window

Edge = Annotated[int, Field(ge=1, le=1024)]
Resampling = Literal["linear", "antialias", "area", "nearest"]
AXES = {"S": 0, "I": 0, "P": 1, "A": 1, "L": 2, "R": 2}  # of a Volume: Superior, Posterior, Left


class VolumeContract(BaseModel):
    """What is done to a volume before a 3D backbone sees it, in this order.

    The slices are straightened onto an even grid of ``spacing``, turned to ``orientation``, cropped
    to ``foreground``, padded to a ``square``, windowed to [0, 1] per channel, resized to
    ``resize``, padded or cropped about the middle to ``shape``, and normalized.

    Attributes:
        kind: ``3d``, so that a file says which contract it is.
        shape: voxels along the array's axes, (D, H, W).
        orientation: where D, H and W point: ``SPL`` is Superior, Posterior, Left.
        spacing: mm along D, H and W, or None for the scan's own (its usual step between slices).
        order: of the spline that resamples to ``spacing``: 0, 1 or 3. Between slices that are
            unevenly spaced it is 1 at most.
        average: where the grid is coarser than the scan, average what lies within a voxel;
            otherwise sample its middle, which folds fine detail into coarse.
        foreground: HU; what lies outside the box of all voxels above it is cut away. None: nothing.
        square: pad H and W to the larger of them before resizing.
        resize: (D, H, W) after resizing, or None for no resizing.
        resampling: how to resize along D, H and W; ``antialias`` and ``area`` average when the
            array shrinks.
        windows: (level, width) in HU, one per channel; a range [low, high] is
            ((low + high) / 2, high - low).
        mean: per channel, subtracted after windowing to [0, 1].
        std: per channel, divided by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["3d"] = "3d"
    shape: tuple[Edge, Edge, Edge]
    orientation: str = "SPL"
    spacing: tuple[Width, Width, Width] | None = None
    order: Literal[0, 1, 3] = 1
    average: bool = True
    foreground: Number | None = None
    square: bool = False
    resize: tuple[Edge, Edge, Edge] | None = None
    resampling: tuple[Resampling, Resampling, Resampling] = ("antialias", "antialias", "antialias")
    windows: tuple[tuple[Number, Width], ...] = ((40, 80), (80, 200), (600, 2800))
    mean: tuple[Number, ...] = (0.0, 0.0, 0.0)
    std: tuple[Width, ...] = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _agree(self) -> VolumeContract:
        one_a_channel(self.windows, self.mean, self.std)
        if sorted(AXES.get(letter, -1) for letter in self.orientation) != [0, 1, 2]:
            raise ValueError(
                f"orientation {self.orientation!r}, which must have one letter each of S or "
                "I, P or A, L or R"
            )
        if self.spacing is None and self.resize is None:
            raise ValueError("neither spacing nor resize, so that a voxel would have no size")
        return self

    @property
    def hash(self) -> str:
        """Hex SHA-256 over all fields: equal hash, equal pixels."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def channels(self) -> tuple[Window, ...]:
        """One window per channel."""
        return tuple(Window(level, width) for level, width in self.windows)

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """(C, D, H, W) of one prepared volume."""
        return (len(self.windows), *self.shape)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str | Path | None = None) -> VolumeContract:
        """A contract from plain values; a window may be a name (``molre list windows``).

        One ``resampling`` stands for all three axes.

        Raises:
            MolreError: unknown key or window name, a value out of range, channels that disagree.
        """
        if isinstance(values.get("resampling"), str):
            values = {**values, "resampling": (values["resampling"],) * 3}
        return checked(cls, values, where)
