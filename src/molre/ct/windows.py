"""Window level and width: which Hounsfield units a gray value or channel stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """A CT display window: ``level`` (center) and ``width``, both in HU."""

    level: float
    width: float

    @property
    def low(self) -> float:
        """HU that becomes 0."""
        return self.level - self.width / 2

    @property
    def high(self) -> float:
        """HU that becomes 1."""
        return self.level + self.width / 2

    def apply(self, hu: np.ndarray) -> np.ndarray:
        """Map HU to float32 in [0, 1], clipped at the window's edges; any shape."""
        scaled = (hu.astype(np.float32) - np.float32(self.low)) / np.float32(self.width)
        return np.clip(scaled, 0.0, 1.0, out=scaled)


WINDOWS: dict[str, Window] = {
    "brain": Window(40, 80),
    "blood": Window(80, 200),
    "bone": Window(600, 2800),
    "stroke": Window(35, 40),
    "soft_tissue": Window(50, 350),
}
