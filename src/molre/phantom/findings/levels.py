"""Looks whose meaning depends on the level (``--level-dependent``).

A dense dot is normal in the pineal gland and the choroid plexus and a finding elsewhere; a pocket
of fluid behind the cerebellum is a variant and a cyst over a hemisphere is a finding. Here both
have the same size and density, and the normal ones come and go independently of every label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from molre.phantom.fields import Array
from molre.phantom.head import Head
from molre.phantom.paint import blob, direction, side_of
from molre.phantom.registry import Paint
from molre.phantom.scene import Scene

DOT_MM, POCKET_MM = 3.4, 12.0


def without_dots(head: Head) -> Head:
    """The head without its usual calcification: `normal_looks` paints its own."""
    return replace(head, pineal_calcification=0.0, choroid_calcification=0.0)


def normal_looks(scene: Scene, rng: np.random.Generator) -> None:
    """Paint normal dots and a normal pocket, each in half of the studies."""
    if rng.random() < 0.5:
        for center in ((0.0, 25.0, -1.0), (-23.0, 39.0, 10.0), (23.0, 39.0, 10.0)):
            _dot(scene, rng, center)
    if rng.random() < 0.5:
        _pocket(scene, rng, (rng.uniform(-6, 6), 58.0, -50.0))


def stray_dots(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """intracranial_calcification: the same dots well above the ventricles."""
    parts = []
    for _ in range(3):
        toward = np.array(direction(rng, (30, 55), (30, 150)))
        center = scene.head.surface(tuple(toward)) - toward * rng.uniform(14, 24)
        parts.append(_dot(scene, rng, tuple(center)))
    return scene.mask(*parts)


def high_pocket(scene: Scene, rng: np.random.Generator, size: float) -> Array:
    """arachnoid_cyst: the same pocket over a hemisphere."""
    toward = (side_of(rng) * 1.0, rng.uniform(-0.5, 0.6), 0.6)
    center = scene.head.surface(toward) * 0.86
    return scene.mask(_pocket(scene, rng, tuple(center)))


def _dot(scene: Scene, rng: np.random.Generator, center: tuple) -> tuple:
    box, weight = blob(scene, rng, center, (DOT_MM, DOT_MM, DOT_MM), 0.1)
    scene.blend(box, weight, rng.uniform(90, 240))
    return box, weight


def _pocket(scene: Scene, rng: np.random.Generator, center: tuple) -> tuple:
    box, weight = blob(scene, rng, center, (POCKET_MM,) * 3, 0.05)
    scene.blend(box, weight, scene.head.csf)
    return box, weight


LEVEL_DEPENDENT: dict[str, Paint] = {
    "intracranial_calcification": stray_dots,
    "arachnoid_cyst": high_pocket,
}
