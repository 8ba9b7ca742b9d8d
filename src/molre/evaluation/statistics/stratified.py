"""A two by two table of a whole, of which a stratified sample was read.

Each stratum holds cells that one reading calls the same. Those drawn were read; the truth of the
others is a share that the drawn ones tell of. The point estimate weighs each read cell by how many
it stands for (Horvitz and Thompson, JASA 47, 1952). The interval cannot be made from the weights
alone: where none of 20 read cells is a missed one, 2,000 that were not read may still hold some. So
the unread of each stratum are drawn again and again from what its read cells leave possible (a
Dirichlet posterior), and the measure's percentiles are taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.arrays import FloatArray

DRAWS = 4000
METHOD = "stratified, posterior"
_STREAM = 0x57A7
_PRIOR = 0.5  # of each truth (Jeffreys), shared by the strata of one call


@dataclass(frozen=True)
class Stratum:
    """Cells that are called the same, and what was read of them.

    Attributes:
        called: whether they are called present.
        size: how many there are.
        present, absent: read ones by their truth.
        apart: read ones whose truth is neither (uncertain).
    """

    called: bool
    size: int
    present: float
    absent: float
    apart: float = 0.0

    @property
    def read(self) -> float:
        """How many were read."""
        return self.present + self.absent + self.apart


def weighted_counts(strata: list[Stratum]) -> tuple[float, float, float, float]:
    """Estimated (tp, fp, fn, tn) of the whole; strata of which nothing was read are left out."""
    sums = {True: np.zeros(2), False: np.zeros(2)}
    for one in strata:
        if one.read:
            sums[one.called] += one.size / one.read * np.array([one.present, one.absent])
    tp, fp, fn, tn = (float(x) for x in (*sums[True], *sums[False]))
    return tp, fp, fn, tn


def drawn_counts(
    strata: list[Stratum], draws: int = DRAWS, seed: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """(tp, fp, fn, tn) of the whole, each (B,): what the read cells leave possible.

    Args:
        strata: at least one that was read in.
        draws: B.
        seed: of the draws.
    """
    rng = np.random.default_rng([seed, _STREAM])
    sums = {True: np.zeros((2, draws)), False: np.zeros((2, draws))}
    known = [one for one in strata if one.read]
    for one in known:
        prior = _PRIOR / sum(other.called == one.called for other in known)
        # the truths that were read, and a little of both for those that were not
        weights = np.array([one.present + prior, one.absent + prior, one.apart])[:, None]
        gammas = np.where(weights > 0, rng.standard_gamma(np.maximum(weights, 1e-9), (3, draws)), 0)
        unread = max(0.0, one.size - one.read)
        shares = gammas / np.maximum(gammas.sum(axis=0), 1e-300)
        sums[one.called] += np.array([[one.present], [one.absent]]) + unread * shares[:2]
    tp, fp, fn, tn = (*sums[True], *sums[False])
    return tp, fp, fn, tn
