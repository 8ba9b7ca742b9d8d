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


# Severity 1: large enough to be learnt from 600 studies, small enough not to be given away.
# The exceptions are found by a frozen network more easily, or would outgrow their definition.
SCALE = 1.8
SCALES = {
    "acute_subdural_hemorrhage": 1.5,
    "basal_cistern_effacement": 1.0,
    "cerebellopontine_angle_mass": 1.5,
    "cerebral_atrophy": 1.0,
    "cerebral_edema": 0.75,
    "chiari_malformation": 1.5,
    "craniectomy_defect": 1.5,
    "epidural_hemorrhage": 1.5,
    "hydrocephalus": 0.9,
    "hypoxic_ischemic_injury": 1.0,
    "intracranial_aneurysm": 1.5,
    "lacunar_infarct": 1.15,
    "midline_shift": 1.5,
    "orbital_mass": 1.5,
    "paranasal_sinus_disease": 1.0,
    "pineal_region_mass": 1.5,
    "sellar_suprasellar_mass": 1.5,
    "subacute_chronic_subdural_hemorrhage": 1.5,
    "subdural_hygroma": 1.5,
    "transtentorial_herniation": 1.5,
    "venous_sinus_thrombosis": 1.5,
}


@dataclass(frozen=True)
class Generator:
    """How a finding is planted.

    Attributes:
        finding: id in the findings table.
        levels: the heights (mm, head coordinates) between which it shows.
        measure: what tells it from a clean twin: "surround" or "mirror" (HU of the mask
            against that), "region" (HU of the mask), "tissue" (HU of what is tissue in it),
            "fluid" (its share of the mask), "asymmetry" (of the fluid), "cortex" (gray minus
            white matter).
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

    @property
    def scale(self) -> float:
        """What severity 1 stands for."""
        return SCALES.get(self.finding, SCALE)


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
