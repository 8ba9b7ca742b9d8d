"""Head: the numbers that make one person's head, drawn independently of any finding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.phantom.fields import Point


@dataclass(frozen=True)
class Head:
    """One synthetic head. Lengths in mm, densities in HU, age in years.

    Findings that bend or shrink the brain replace some of the numbers before rendering.
    """

    seed: int  # names the textures: equal seeds, equal gyri
    age: float
    sex: str
    half_width: float
    front: float
    back: float
    top: float
    taper: float
    bone: float
    bone_hu: float
    diploe_hu: float
    scalp: float
    gray: float
    white: float
    csf: float
    gap: float  # fluid between brain and skull
    sulcus: float  # half width of a sulcus
    ventricle: float  # scale of the lateral and third ventricle
    fourth: float
    asymmetry: float
    leucoaraiosis: float  # normal periventricular darkening
    sylvian: float
    cistern: float  # openness of the basal cisterns, 1 = normal
    shift: float
    tonsil: float  # how far the cerebellar tonsils reach below the foramen magnum
    uncus: float
    edema: float
    sinus_air: float
    mastoid_air: float
    frontal_sinus: float
    pineal_calcification: float
    choroid_calcification: float
    falx_hu: float
    vessel_hu: float

    def surface(self, direction: Point) -> np.ndarray:
        """The point (3,) of the inner table in that direction from the origin, mm."""
        u = np.asarray(direction, float)
        u = u / np.linalg.norm(u)
        length = self.front if u[1] < 0 else self.back
        down = self.top if u[2] > 0 else 1.15 * self.top
        reach = 1 / np.sqrt(
            (u[0] / self.half_width) ** 2 + (u[1] / length) ** 2 + (u[2] / down) ** 2
        )
        return u * reach


def draw_head(rng: np.random.Generator) -> Head:
    """Draw a head; wide natural variation, so that size alone gives no finding away."""
    age = float(rng.uniform(18, 92))
    old = max(0.0, (age - 40) / 50) * rng.uniform(0.4, 1.3)
    size = rng.normal(1.0, 0.03)
    pineal, choroid = rng.random(2) < (0.65, 0.6)
    white = rng.normal(27.5, 1.0)
    return Head(
        seed=int(rng.integers(1, 2**31)),
        age=age,
        sex="F" if rng.random() < 0.5 else "M",
        half_width=float(np.clip(rng.normal(65, 2.2) * size, 59, 71)),
        front=float(np.clip(rng.normal(79, 2.5) * size, 72, 86)),
        back=float(np.clip(rng.normal(82, 2.5) * size, 75, 90)),
        top=float(np.clip(rng.normal(72, 2.5) * size, 65, 79)),
        taper=rng.uniform(0.06, 0.16),
        bone=float(np.clip(rng.normal(6.5, 1.0), 4.5, 9)),
        bone_hu=rng.uniform(1050, 1450),
        diploe_hu=rng.uniform(350, 800),
        scalp=rng.uniform(3.5, 7.5),
        gray=white + rng.uniform(7.0, 10.5),
        white=white,
        csf=rng.uniform(3, 8),
        gap=0.7 + 1.3 * old + rng.uniform(0, 0.5),
        sulcus=0.85 + 0.75 * old + rng.uniform(-0.15, 0.3),
        ventricle=float(np.exp(rng.normal(0, 0.13))) * (0.85 + 0.28 * old),
        fourth=rng.uniform(0.85, 1.2),
        asymmetry=float(np.clip(rng.normal(0, 0.08), -0.2, 0.2)),
        leucoaraiosis=0.8 * old * rng.random(),
        sylvian=1.0 + 1.1 * old + rng.uniform(-0.3, 0.4),
        cistern=rng.uniform(0.85, 1.15) + 0.1 * old,
        shift=float(np.clip(rng.normal(0, 0.7), -1.5, 1.5)),
        tonsil=rng.uniform(-6, -1),
        uncus=0.0,
        edema=0.0,
        sinus_air=rng.uniform(0.8, 1.15),
        mastoid_air=rng.uniform(0.75, 1.1),
        frontal_sinus=rng.uniform(0.3, 1.2),
        pineal_calcification=float(pineal) * rng.uniform(90, 260),
        choroid_calcification=float(choroid) * rng.uniform(80, 220),
        falx_hu=rng.uniform(46, 58),
        vessel_hu=rng.uniform(38, 45),
    )
