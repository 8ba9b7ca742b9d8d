"""What the router does: how evenly it spreads, which experts it uses, whether findings move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molre.arrays import FloatArray
from molre.evaluation.endpoint import MINIMUM
from molre.evaluation.statistics.multiplicity import benjamini_hochberg
from molre.runs.gates import Gates

PERMUTATIONS = (500, 10_000)  # at least and at most
PER_CELL = 40  # permutations for each cell, so that a lone cell can pass Benjamini-Hochberg
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

    Args:
        gates: of the N test studies.
        labels: (N, K) 1, 0 or nan, in the order of ``gates.studies``.
        patients: (N,).
        findings: K ids.
        permutations: of the null; by default 40 a cell, from 500 to 10000.
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
    if permutations is None:
        permutations = int(np.clip(PER_CELL * association.size, *PERMUTATIONS))
    exceeded, peaks = _null(flat, labels, association, permutations, seed)
    p = (exceeded + 1) / (permutations + 1)
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
    )


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
    with_mean, with_error = _mean_and_error((labels == 1).astype(np.float64), values)
    without_mean, without_error = _mean_and_error((labels == 0).astype(np.float64), values)
    error = np.sqrt(with_error + without_error)
    still = error < 1e-9
    return np.where(still, 0.0, (with_mean - without_mean) / np.where(still, 1.0, error))


def _mean_and_error(chosen: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(F, E) mean and squared standard error over the studies that ``chosen`` (N, F) marks."""
    n = chosen.sum(axis=0)[:, None]
    centered = values - values.mean(axis=0)  # keeps the squares from canceling
    mean = chosen.T @ centered / n
    squares = chosen.T @ centered**2 / n - mean**2
    return mean, np.maximum(squares, 0.0) / (n - 1)
