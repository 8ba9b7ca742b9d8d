"""The input contract: exactly which pixels a backbone is given, saved with every model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from molre.ct.windows import WINDOWS, Window
from molre.errors import MolreError, did_you_mean

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Contract(BaseModel):
    """What is done to a volume before a 2D backbone sees its slices.

    Attributes:
        size: edge of the square picture, pixels.
        windows: (level, width) in HU, one per channel.
        mean: per channel, subtracted after windowing to [0, 1].
        std: per channel, divided by.
        orientation: ``PL``: rows towards Posterior, columns towards Left.
        slab_mm: slices thinner than this are averaged in HU to about this thickness.
        max_slices: more slabs than this are made thicker until they fit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=224, ge=16, le=2048)
    windows: tuple[tuple[float, float], ...] = ((40, 80), (80, 200), (600, 2800))
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    orientation: Literal["PL"] = "PL"
    slab_mm: float = Field(default=5.0, gt=0)
    max_slices: int = Field(default=48, ge=1)

    @property
    def hash(self) -> str:
        """Hex SHA-256 over all fields: equal hash, equal pixels."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def channels(self) -> tuple[Window, ...]:
        """One window per channel."""
        return tuple(Window(level, width) for level, width in self.windows)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, values: dict[str, Any], where: str | Path | None = None) -> Contract:
        """A contract from plain values; a window may be a name (``molre list windows``).

        Raises:
            MolreError: unknown key or window name, a value out of range, channels that disagree.
        """
        for key in values:
            if key not in cls.model_fields:
                remedy = did_you_mean(key, cls.model_fields)
                raise MolreError(f"unknown contract key {key!r}", where=where, fix=remedy)
        windows = [_window(w, where) for w in values.get("windows", cls().windows)]
        try:
            contract = cls(**{**values, "windows": windows})
        except (ValidationError, TypeError) as error:
            reason = error.errors()[0] if isinstance(error, ValidationError) else {"msg": error}
            key = ".".join(str(p) for p in reason.get("loc", ()))
            raise MolreError(f"contract {key}: {reason['msg']}", where=where) from None
        if not len(contract.windows) == len(contract.mean) == len(contract.std):
            raise MolreError(
                f"contract has {len(contract.windows)} windows, {len(contract.mean)} means and "
                f"{len(contract.std)} stds",
                where=where,
                fix="give one of each per channel",
            )
        return contract


def read_contract(path: Path) -> Contract:
    """A contract from a YAML or JSON file.

    Raises:
        MolreError: unreadable, or see :meth:`Contract.from_dict`.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        values = None
    if not isinstance(values, dict):
        raise MolreError("is not a mapping", where=path, fix="write size, windows, mean, std ...")
    return Contract.from_dict(values, path)


def _window(given: Any, where: str | Path | None) -> tuple[float, float]:
    if isinstance(given, str):
        if given not in WINDOWS:
            remedy = did_you_mean(given, WINDOWS)
            raise MolreError(f"unknown window {given!r}", where=where, fix=remedy)
        return (WINDOWS[given].level, WINDOWS[given].width)
    return given
