"""The input contract: exactly which pixels a backbone is given, saved with every model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from molre.ct.windows import WINDOWS, Window
from molre.errors import MolreError, did_you_mean

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LATER_FIELDS = ("resize", "resampling", "gray_levels", "normalization")
# as they were spelled first: still read, and what the hash of a contract is made from
FIRST_NAMES = {"gray_levels": "grey_levels", "normalization": "normalisation"}

C = TypeVar("C", bound=BaseModel)
Number = Annotated[float, Field(allow_inf_nan=False)]
Width = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Contract(BaseModel):
    """What is done to a volume before a 2D backbone sees its slices.

    Attributes:
        size: edge of the square image, pixels.
        windows: (level, width) in HU, one per channel.
        mean: per channel, subtracted after windowing to [0, 1].
        std: per channel, divided by.
        orientation: ``PL``: rows towards Posterior, columns towards Left.
        slab_mm: slices thinner than this are averaged in HU to about this thickness.
        max_slices: more slabs than this are made thicker until they fit.
        resize: ``hu``: the image is resized and then windowed; ``image``: the other way
            around, as with a scan that was exported to images.
        resampling: how it is resized; always antialiased.
        gray_levels: windowed images hold this many levels (256: they were of 8 bits), or None for
            no rounding.
        normalization: ``fixed``: with ``mean`` and ``std``; ``image``: every channel of every
            image to mean 0 and standard deviation 1, before them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=224, ge=16, le=2048)
    windows: tuple[tuple[Number, Width], ...] = ((40, 80), (80, 200), (600, 2800))
    mean: tuple[Number, ...] = IMAGENET_MEAN
    std: tuple[Width, ...] = IMAGENET_STD
    orientation: Literal["PL"] = "PL"
    slab_mm: Width = 5.0
    max_slices: int = Field(default=48, ge=1)
    resize: Literal["hu", "image"] = "hu"
    resampling: Literal["bilinear", "bicubic"] = "bilinear"
    gray_levels: int | None = Field(default=None, ge=2)
    normalization: Literal["fixed", "image"] = "fixed"

    @model_validator(mode="before")
    @classmethod
    def _first_names(cls, values: Any) -> Any:
        """The spelling of contracts that were written before."""
        return respelled(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _channels_agree(self) -> Contract:
        one_a_channel(self.windows, self.mean, self.std)
        return self

    @property
    def hash(self) -> str:
        """Hex SHA-256 over all fields: equal hash, equal pixels.

        Fields that came later count only where they differ from their default, and by their first
        names, so that models and caches made before stay valid.
        """
        values = self.model_dump(mode="json")
        for key in LATER_FIELDS:
            value = values.pop(key)
            if value != type(self).model_fields[key].default:
                values[FIRST_NAMES.get(key, key)] = "picture" if value == "image" else value
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def channels(self) -> tuple[Window, ...]:
        """One window per channel."""
        return tuple(Window(level, width) for level, width in self.windows)

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """(C, size, size) of one image."""
        return (len(self.windows), self.size, self.size)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str | Path | None = None) -> Contract:
        """A contract from plain values; a window may be a name (``molre list windows``).

        Raises:
            MolreError: unknown key or window name, a value out of range, channels that disagree.
        """
        return checked(cls, values, where, "give one of each per channel")


def respelled(values: dict[str, Any]) -> dict[str, Any]:
    """A contract's fields by their present names: once ``grey_levels``, and an image a picture."""
    now = {old: new for new, old in FIRST_NAMES.items()}
    fields = {now.get(key, key): value for key, value in values.items()}
    return fields | {
        key: "image" for key in ("resize", "normalization") if fields.get(key) == "picture"
    }


def checked(
    kind: type[C], values: dict[str, Any], where: str | Path | None, advice: str | None = None
) -> C:
    """A contract of plain values, slices' or volumes'.

    Args:
        kind: of contract.
        values: its fields; a window may be a name.
        where: they are from.
        advice: where no field is wrong by itself.

    Raises:
        MolreError: unknown key or window name, a value out of range, fields that disagree.
    """
    values = respelled(values)
    for key in values:
        if key not in kind.model_fields:
            remedy = did_you_mean(key, kind.model_fields)
            raise MolreError(f"unknown contract key {key!r}", where=where, fix=remedy)
    try:
        return kind(**_named_windows(values, where))
    except ValidationError as error:
        reason = error.errors()[0]
        key = ".".join(str(p) for p in reason["loc"])
        said = reason["msg"].removeprefix("Value error, ")
        place = f"contract {key}: " if key else "the contract has "
        raise MolreError(place + said, where=where, fix=None if key else advice) from None


def one_a_channel(windows: Sequence[object], mean: Sequence[float], std: Sequence[float]) -> None:
    """Check that each channel has a window, a mean and a std.

    Raises:
        ValueError: it has not.
    """
    counts = len(windows), len(mean), len(std)
    if not 0 < counts[0] == counts[1] == counts[2]:
        raise ValueError("{} windows, {} means and {} stds".format(*counts))


def _named_windows(values: dict[str, Any], where: str | Path | None) -> dict[str, Any]:
    """The values of a contract with the names of windows replaced by level and width.

    Raises:
        MolreError: unknown window name.
    """
    windows = values.get("windows")
    if not isinstance(windows, list | tuple):
        return values
    return {**values, "windows": [_window(w, where) for w in windows]}


def _window(given: Any, where: str | Path | None) -> Any:
    if isinstance(given, str):
        if given not in WINDOWS:
            remedy = did_you_mean(given, WINDOWS)
            raise MolreError(f"unknown window {given!r}", where=where, fix=remedy)
        return (WINDOWS[given].level, WINDOWS[given].width)
    return given
