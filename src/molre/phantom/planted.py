"""Planted slice embeddings: synthetic scans without pixels, in which it is known what routing adds.

A study has a few slices from the bottom of the head to its top, each at one of six levels that its
embedding tells. Every finding is in one slice. Its look there is

    sqrt(1 - conflict) * d_k + sqrt(conflict) * sign(k, level) * e_k

with two directions d_k, e_k of the finding and signs that are + at three levels and - at the other
three; a study without the finding has the same look with the opposite sign. At conflict 0 a linear
head reads every finding. At conflict 1 what means "present" at one level means "absent" at another:
an update that is the same for all slices cannot read both, one that depends on the slice can.

The regimes and their share are those of a mixture whose shifts conflict, sqrt(1 - rho) shared and
sqrt(rho) specific.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

LEVELS = 6
LEVEL_SIZE = 9.0  # norm of what tells the level; noise is 1 in every direction
LOOK_SIZE = 4.0
PREVALENCE = 0.4
WORLD = 1  # seed of the directions: all splits and sizes are of one world


@dataclass(frozen=True)
class World:
    """What is planted: the same for all studies of a control.

    Attributes:
        conflict: in [0, 1], the share of a look that changes its sign with the level.
        dim: D, width of an embedding.
        findings: K.
        slices: S of a study.
    """

    conflict: float = 0.0
    dim: int = 128
    findings: int = 8
    slices: int = 20

    def __post_init__(self) -> None:
        if not 0 <= self.conflict <= 1:
            raise ValueError(f"conflict is between 0 and 1, got {self.conflict}")

    @cached_property
    def levels(self) -> np.ndarray:
        """Of each slice, int (S,)."""
        return np.arange(self.slices) * LEVELS // self.slices

    @cached_property
    def level_directions(self) -> np.ndarray:
        """Unit vectors, (LEVELS, D)."""
        return self._drawn[0]

    @cached_property
    def looks(self) -> np.ndarray:
        """Of each finding at each level, unit vectors (K, LEVELS, D)."""
        _, shared, specific, signs = self._drawn
        own = signs[:, :, None] * specific[:, None]
        return np.sqrt(1 - self.conflict) * shared[:, None] + np.sqrt(self.conflict) * own

    @cached_property
    def _drawn(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(WORLD)
        directions = rng.normal(size=(LEVELS + 2 * self.findings, self.dim))
        orthogonal = np.linalg.qr(directions.T)[0].T
        level, shared, specific = np.split(orthogonal, [LEVELS, LEVELS + self.findings])
        half = np.repeat([-1.0, 1.0], LEVELS // 2)
        signs = np.stack([rng.permutation(half) for _ in range(self.findings)])
        return level, shared, specific, signs

    def draw(self, studies: int, seed: int) -> Planted:
        """Studies of this world.

        Args:
            studies: N.
            seed: of noise, of which findings are present and of where.
        """
        rng = np.random.default_rng((WORLD, seed))
        x = rng.normal(size=(studies, self.slices, self.dim))
        x += LEVEL_SIZE * self.level_directions[self.levels]
        present = rng.random((studies, self.findings)) < PREVALENCE
        place = rng.integers(self.slices, size=(studies, self.findings))
        looks = self.looks[np.arange(self.findings), self.levels[place]]  # (N, K, D)
        signed = LOOK_SIZE * np.where(present, 1, -1)[..., None] * looks
        for finding in range(self.findings):
            x[np.arange(studies), place[:, finding]] += signed[:, finding]
        return Planted(f"planted-{seed}", torch.from_numpy(x.astype(np.float32)), present)


@dataclass(frozen=True)
class Planted:
    """Drawn studies, as training is given embeddings.

    Attributes:
        name: tells one draw from another.
        embeddings: float32 (N, S, D).
        present: bool (N, K).
    """

    name: str
    embeddings: Tensor
    present: np.ndarray

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the studies, N."""
        return tuple(f"{self.name}-{i:05d}" for i in range(len(self.embeddings)))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {key: i for i, key in enumerate(self.keys)}

    def __contains__(self, key: str) -> bool:
        """Whether a study was drawn."""
        return key in self._place

    def get(self, key: str) -> Tensor:
        """Embeddings of a study, float32 (S, D)."""
        return self.embeddings[self._place[key]]

    def index(self, key: str) -> np.ndarray:
        """Int (S,): 0 at the bottom of the head."""
        return np.arange(self.embeddings.shape[1])
