"""Dropout that depends on nothing but the run's seed, the epoch and the study.

Whichever process trains on a study, after whatever else was drawn, and before or after a run was
killed and went on: the same numbers are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

STEPS = 2**16  # a number is dropped with a probability that is rounded to this many steps


@dataclass(frozen=True)
class Noise:
    """Dropout of slice embeddings in one epoch.

    Args:
        seed: the run's.
        epoch: number.
        p: share that is dropped, in (0, 1).
        dim: D.
    """

    seed: int
    epoch: int
    p: float
    dim: int

    def draw(self, rows: np.ndarray, mask: Tensor) -> Tensor:
        """What to multiply the embeddings of some studies by.

        Args:
            rows: places of the studies in their split, B.
            mask: bool (B, S), true where there is a slice.

        Returns:
            float32 (B, S, D), 0 or the inverse of the share that is kept.
        """
        kept = round((1 - self.p) * STEPS)
        factors = torch.zeros(*mask.shape, self.dim)
        for row, here, slices in zip(rows.tolist(), factors, mask.sum(1).tolist(), strict=True):
            random = np.random.Generator(np.random.SFC64((self.seed, self.epoch, row)))
            drawn = random.integers(0, STEPS, (slices, self.dim), dtype=np.uint16)
            here[:slices] = torch.from_numpy(drawn < kept)
        return factors.mul_(STEPS / kept)
