"""Volumes with a known content, for tests."""

from __future__ import annotations

import numpy as np

from molre.ct.volume import SliceSource, Volume


def stack(
    hu: np.ndarray, positions: np.ndarray | None = None, spacing: tuple[float, float] = (1.0, 1.0)
) -> Volume:
    """A Volume of HU (S, R, C), with slices at ``positions`` mm (5 mm apart by default)."""
    slices = len(hu)
    origins = np.zeros((slices, 3))
    origins[:, 2] = np.arange(slices) * 5.0 if positions is None else positions
    return Volume(
        hu=np.ascontiguousarray(hu, dtype=np.int16),
        origins=origins,
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        pixel_spacing=spacing,
        source=tuple(SliceSource(i) for i in range(slices)),
    )


def noise(slices: int, edge: int = 48, seed: int = 0) -> Volume:
    """A Volume of random HU."""
    generator = np.random.default_rng(seed)
    return stack(generator.integers(-1000, 1000, (slices, edge, edge)))
