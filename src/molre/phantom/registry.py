"""The generators: one for each finding that is planted, and what the oracle measures for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from molre.phantom.fields import Array
from molre.phantom.head import Head
from molre.phantom.scene import Scene

# paints a finding into a rendered scene, returns its mask; size scales extent and contrast
Paint = Callable[[Scene, np.random.Generator, float], Array]
# changes the head before rendering
Shape = Callable[[Head, np.random.Generator, float], Head]


@dataclass(frozen=True)
class Generator:
    """How a finding is planted.

    Attributes:
        finding: id in the findings table.
        levels: the heights (mm, head coordinates) between which it shows.
        measure: what tells it from a clean twin: "surround" or "mirror" (HU of the mask
            against that), "region" (HU of the mask), "fluid" (its share of the mask),
            "asymmetry" (of the fluid), "cortex" (grey minus white matter).
        sign: +1 where the finding raises the measure, -1 where it lowers it.
        paint: for findings that are painted; for the others, the region that they change.
        shape: for findings that bend or shrink the brain.
        also: findings that are true wherever this one is, beside its ancestors.
        unsure: findings that can no longer be called absent.
        excludes: findings that are not planted in the same study.
    """

    finding: str
    levels: tuple[float, float]
    measure: str
    sign: int
    paint: Paint
    shape: Shape | None = None
    also: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


GENERATORS: dict[str, Generator] = {}


def generator(
    finding: str,
    levels: tuple[float, float],
    measure: str = "surround",
    sign: int = 1,
    *,
    shape: Shape | None = None,
    also: tuple[str, ...] = (),
    unsure: tuple[str, ...] = (),
    excludes: tuple[str, ...] = (),
) -> Callable[[Paint], Paint]:
    """Register the decorated function as the generator of a finding (fields: see `Generator`)."""

    def register(paint: Paint) -> Paint:
        GENERATORS[finding] = Generator(
            finding, levels, measure, sign, paint, shape, also, unsure, excludes
        )
        return paint

    return register
