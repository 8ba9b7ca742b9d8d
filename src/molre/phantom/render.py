"""Render a head on a grid."""

from __future__ import annotations

from molre.phantom.brain import build_brain
from molre.phantom.grid import Grid
from molre.phantom.head import Head
from molre.phantom.scene import Scene
from molre.phantom.skull import build_outside


def render(head: Head, grid: Grid) -> Scene:
    """The head in HU on every slice of the grid, without blur and noise."""
    scene = Scene.empty(grid, head)
    build_outside(scene)
    build_brain(scene)
    return scene
