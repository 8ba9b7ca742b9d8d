"""AUCs of one model and finding under many weightings of the patients at once.

Studies are sorted by score and cut into blocks of neighbors. A positive beats all negatives of
lower blocks, which takes one product of block sums; only inside a block are pairs looked at, as one
matrix product for all weightings. Weights are whole numbers and every sum stays below 2**23 in
single precision, so the result is exact: neither the order of sums nor the number of threads can
change a bit of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from molre.arrays import FloatArray

BLOCK = 96  # studies; fewer cost more calls, more cost more pairs
# Multiplications that OpenBLAS leaves to one thread: findings are spread over threads already, and
# threads inside of threads wait for each other.
_ONE_THREAD = 2**18

Weights = NDArray[np.float32]


def weighted_aucs(
    scores: FloatArray, positive: NDArray[np.bool_], owner: NDArray[np.intp], weights: Weights
) -> FloatArray:
    """AUC of one model on one finding for each column of weights.

    Args:
        scores: (N,).
        positive: (N,) whether the finding is present; all labels known.
        owner: (N,) row of ``weights``, the patient of each study.
        weights: (P, B) whole numbers, how often each patient counts.

    Returns:
        (B,) float64; nan where the positives or the negatives weigh nothing.
    """
    draws = weights.shape[1]
    order = np.argsort(scores, kind="stable")
    scores, positive, owner = scores[order], positive[order], owner[order]
    wins, ahead, below = np.zeros(draws), np.zeros(draws), np.zeros(draws)
    for start, stop in _blocks(scores):
        here = positive[start:stop]
        above_owner, below_owner = owner[start:stop][here], owner[start:stop][~here]
        if scores[start] == scores[stop - 1]:
            with_it, without = _sum(weights, above_owner), _sum(weights, below_owner)
            inside = with_it * without / 2
        else:
            above, beaten = weights.take(above_owner, axis=0), weights.take(below_owner, axis=0)
            with_it, without = (part.sum(axis=0, dtype=np.float64) for part in (above, beaten))
            inside = _pairs(scores[start:stop], here, above, beaten).astype(np.float64)
        wins += inside + with_it * below
        below += without
        ahead += with_it
    result = np.full(draws, np.nan)
    np.divide(wins, ahead * below, out=result, where=(ahead > 0) & (below > 0))
    return result


def _blocks(rising: FloatArray) -> Iterator[tuple[int, int]]:
    """Cuts about every ``BLOCK`` studies; a run of ties that a cut meets is a block of its own."""
    edges = rising[np.arange(BLOCK, len(rising), BLOCK)]
    cuts = [np.searchsorted(rising, edges, side="left"), np.searchsorted(rising, edges, "right")]
    yield from pairwise(np.unique(np.concatenate([[0], *cuts, [len(rising)]])).tolist())


def _pairs(
    scores: FloatArray, positive: NDArray[np.bool_], above: Weights, beaten: Weights
) -> Weights:
    """(B,) weighted pairs that are ranked rightly inside a block, ties counting half."""
    if not len(above) or not len(beaten):
        return np.zeros(above.shape[1], np.float32)
    gap = scores[positive][:, None] - scores[~positive]
    kernel = ((gap > 0) + 0.5 * (gap == 0)).astype(np.float32)
    won = np.empty_like(above)
    step = max(1, _ONE_THREAD // kernel.size)
    for start in range(0, won.shape[1], step):
        part = slice(start, start + step)
        np.matmul(kernel, beaten[:, part], out=won[:, part])
    won *= above
    return np.asarray(won.sum(axis=0))


def _sum(weights: Weights, rows: NDArray[np.intp]) -> FloatArray:
    """(B,) sums of rows, a block at a time: a run of ties may be as long as the test set."""
    total = np.zeros(weights.shape[1])
    for start in range(0, len(rows), BLOCK):
        total += weights.take(rows[start : start + BLOCK], axis=0).sum(axis=0)
    return total
