"""Dropout noise that depends on nothing but the run's seed, the epoch and the study.

Whichever process trains on a study, whatever else was drawn before, and whether or not the run
was killed and resumed: the same numbers are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

STEPS = 2**16  # a number is dropped with a probability that is rounded to this many steps


@dataclass(frozen=True)
class DropoutNoise:
    """What dropout multiplies slice embeddings by in one epoch.

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
        factors = np.zeros((*mask.shape, self.dim), np.float32)
        for row, here, slices in zip(rows.tolist(), factors, mask.sum(1).tolist(), strict=True):
            drawn = self._steps(row, slices * self.dim).reshape(slices, self.dim)
            np.multiply(drawn < kept, np.float32(STEPS / kept), out=here[:slices])
        return torch.from_numpy(factors)

    def _steps(self, row: int, count: int) -> np.ndarray:
        """Uniform uint16 of one study: each word of 64 bits that is drawn holds four."""
        words = np.random.SFC64((self.seed, self.epoch, row)).random_raw(-(-count // 4))
        return words.astype("<u8", copy=False).view("<u2")[:count]
