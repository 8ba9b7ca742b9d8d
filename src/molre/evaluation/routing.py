"""What the router does: how evenly it spreads, which experts it uses, whether findings move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.endpoint import MINIMUM
from molre.evaluation.statistics.multiplicity import benjamini_hochberg
from molre.runs.gates import Gates

PERMUTATIONS = (500, 10_000)  # of all cells, at least and at most
PER_CELL = 40  # permutations for each cell, so that a lone cell can pass Benjamini-Hochberg
FURTHER = 200_000  # at most, of the cells that few of the first permutations reach
FEW = 10
LEVEL = 0.05
_BATCH = 2_000_000  # numbers of permuted labels held at a time


@dataclass(frozen=True)
class RoutingSummary:
    """The routers on the test studies.

    Attributes:
        layers: L names.
        entropy: (L,) mean gate entropy as a share of its maximum: 1 is an even mix of all experts.
        load: (L, E) mean gate of each expert.
        findings: rows of the association, those with ten patients with and ten without.
        association: (L, F, E) mean gate with the finding minus without, in standard errors.
        p: (L, F, E) permutation p-values, each cell by itself.
        q: (L, F, E) the same after Benjamini-Hochberg over all cells of all layers.
        critical: (L,) |association| that permuted patients exceed anywhere in the layer 5 times
            in 100; nan without findings.
        permutations: of the one null that all layers share.
        patients, slices: how many are behind it.
        further: permutations of the cells that fewer than ten of the first ones reach; 0 where the
            first are enough for a lone cell to be found.
    """

    layers: tuple[str, ...]
    entropy: FloatArray
    load: FloatArray
    findings: tuple[str, ...]
    association: FloatArray
    p: FloatArray
    q: FloatArray
    critical: FloatArray
    permutations: int
    patients: int
    slices: int
    further: int = 0

    @property
    def lone(self) -> bool:
        """Whether a single cell can be found, however strong, if it is the only one."""
        return _passes(self.q.size, max(self.permutations, self.further))

    @property
    def found(self) -> np.ndarray:
        """Bool (L, F, E): cells that hold up, at a false discovery rate of 0.05."""
        return np.asarray(self.q < LEVEL)

    def strongest(self, layer: int) -> tuple[int, int]:
        """Finding and expert of a layer's largest |association|.

        Args:
            layer: its position.
        """
        table = np.abs(self.association[layer])
        finding, expert = np.unravel_index(int(table.argmax()), table.shape)
        return int(finding), int(expert)


def summarize(
    gates: Gates,
    labels: FloatArray,
    patients: Sequence[str],
    findings: Sequence[str],
    *,
    permutations: int | None = None,
    seed: int = 0,
) -> RoutingSummary:
    """Entropy, load, and the association of findings with experts against a permutation null.

    The association uses one study a patient (the first by key), so that its rows are independent.
    The null permutes whole patients: all gates of all layers stay together, all findings
    stay together, only the link between the two is broken.

    With many experts 10000 permutations cannot tell a lone cell from chance. Those that fewer than
    ten of them reach are then permuted further. Their p stays valid: it is small only where both
    rounds make it so.

    Args:
        gates: of the N test studies.
        labels: (N, K) 1, 0 or nan, in the order of ``gates.studies``.
        patients: (N,).
        findings: K ids.
        permutations: of the null; by default 40 a cell, from 500 to 10000, and beyond for the cells
            that this leaves open.
        seed: of the null.
    """
    _, first = np.unique(np.asarray(patients), return_index=True)
    labels, mean = labels[first], gates.mean[first]
    with_it, without = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
    enough = np.flatnonzero((with_it >= MINIMUM) & (without >= MINIMUM))
    labels = labels[:, enough]
    n, layers, experts = mean.shape
    flat = mean.reshape(n, layers * experts)
    association = _by_layer(standardized_difference(flat, labels), layers)
    further = 0
    if permutations is None:
        permutations = int(np.clip(PER_CELL * association.size, *PERMUTATIONS))
        if not _passes(association.size, permutations):
            further = min(PER_CELL * association.size, FURTHER)
    exceeded, peaks = _null(flat, labels, association, permutations, seed)
    done = np.full(association.shape, permutations)
    if further:
        left = exceeded < FEW
        exceeded += _of_cells(flat, labels, association, left, further - permutations, seed)
        done[left] = further
    p = (exceeded + 1) / (done + 1)
    return RoutingSummary(
        layers=gates.layers,
        entropy=gates.entropy.mean(axis=0),
        load=gates.mean.mean(axis=0),
        findings=tuple(findings[int(k)] for k in enough),
        association=association,
        p=p,
        q=benjamini_hochberg(p.ravel()).reshape(p.shape),
        critical=np.quantile(peaks, 1 - LEVEL, axis=0),
        permutations=permutations,
        patients=len(first),
        slices=gates.slices,
        further=further,
    )


def _passes(cells: int, permutations: int) -> bool:
    """Whether the smallest p that the permutations can give is enough among that many cells."""
    return cells / (permutations + 1) < LEVEL


def _null(
    values: FloatArray, labels: FloatArray, observed: FloatArray, permutations: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """How often permuted patients reach ``observed`` (L, F, E), and their peaks (P, L)."""
    layers, findings, _ = observed.shape
    exceeded, peaks = np.zeros(observed.shape), np.full((permutations, layers), np.nan)
    if not findings:
        return exceeded, peaks
    rng = np.random.default_rng(seed)
    batch = max(1, _BATCH // labels.size)
    for start in range(0, permutations, batch):
        count = min(batch, permutations - start)
        # labels permuted and gates in place: the same null, and one matrix product for many
        dealt = np.concatenate([labels[rng.permutation(len(labels))] for _ in range(count)], axis=1)
        drawn = np.abs(standardized_difference(values, dealt))
        drawn = drawn.reshape(count, findings, layers, -1).swapaxes(1, 2)
        exceeded += (drawn >= np.abs(observed) - 1e-12).sum(axis=0)
        peaks[start : start + count] = drawn.max(axis=(2, 3))
    return exceeded, peaks


def _of_cells(
    values: FloatArray,
    labels: FloatArray,
    observed: FloatArray,
    cells: np.ndarray,
    permutations: int,
    seed: int,
) -> FloatArray:
    """How often permuted patients reach ``observed`` (L, F, E) in some ``cells``; else 0."""
    exceeded = np.zeros(observed.shape)
    rng = np.random.default_rng((seed, 1))  # other permutations than the first
    batch = max(1, _BATCH // len(labels))
    for start in range(0, permutations, batch):
        count = min(batch, permutations - start)
        order = rng.permuted(np.tile(np.arange(len(labels)), (count, 1)), axis=1).T
        for finding in np.flatnonzero(cells.any(axis=(0, 2))):
            asked = cells[:, finding]
            drawn = standardized_difference(values[:, asked.ravel()], labels[order, finding])
            reached = np.abs(drawn) >= np.abs(observed[:, finding][asked]) - 1e-12
            exceeded[:, finding][asked] += reached.sum(axis=0)
    return exceeded


def _by_layer(table: FloatArray, layers: int) -> FloatArray:
    """(F, L * E) to (L, F, E)."""
    return table.reshape(len(table), layers, table.shape[1] // layers).swapaxes(0, 1)


def standardized_difference(values: FloatArray, labels: FloatArray) -> FloatArray:
    """Mean with the finding minus mean without, over the standard error of that difference (Welch).

    Args:
        values: (N, E).
        labels: (N, F) 1, 0 or nan (left out).

    Returns:
        (F, E); 0 where the values do not vary.
    """
    centered = values - values.mean(axis=0)  # keeps the squares from canceling
    of_all = np.stack([centered, centered**2])
    present, absent = labels == 1, labels == 0
    with_sums = _sums(present, of_all)
    if np.isnan(labels).any():
        without_sums = _sums(absent, of_all)
    else:  # half of the work, most of which permuted patients are
        without_sums = of_all.sum(axis=1)[:, None] - with_sums
    with_mean, with_error = _mean_and_error(with_sums, present.sum(axis=0))
    without_mean, without_error = _mean_and_error(without_sums, absent.sum(axis=0))
    error = np.sqrt(with_error + without_error)
    still = error < 1e-9
    return np.where(still, 0.0, (with_mean - without_mean) / np.where(still, 1.0, error))


def _sums(chosen: np.ndarray, of_all: FloatArray) -> FloatArray:
    """Values and squares (2, N, E) summed over the studies that ``chosen`` (N, F) marks."""
    return np.asarray(chosen.T.astype(np.float64) @ of_all)


def _mean_and_error(sums: FloatArray, count: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """(F, E) mean and squared standard error from sums (2, F, E) over ``count`` (F,) studies."""
    mean, squares = sums / count[:, None]
    return mean, np.maximum(squares - mean**2, 0.0) / (count[:, None] - 1)
