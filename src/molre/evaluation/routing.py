"""What the router does: how evenly it spreads, which experts it uses, whether findings move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from molre.evaluation.auc import FloatArray
from molre.evaluation.endpoint import MINIMUM

PERMUTATIONS = 500


@dataclass(frozen=True)
class Gates:
    """Gates of the test studies, averaged over each study's slices.

    Attributes:
        studies: N keys.
        mean: (N, E) mean gate of each expert, rows sum to 1.
        entropy: (N,) mean entropy of a slice's gates as a share of its maximum, log E.
        slices: slices behind the averages.
    """

    studies: tuple[str, ...]
    mean: FloatArray
    entropy: FloatArray
    slices: int


@dataclass(frozen=True)
class RoutingSummary:
    """The router on the test studies.

    Attributes:
        entropy: mean gate entropy as a share of its maximum: 1 is an even mix of all experts.
        load: (E,) mean gate of each expert.
        findings: rows of the association, those with ten patients with and ten without.
        association: (F, E) mean gate with the finding minus without, in standard errors.
        p: (F, E) permutation p-values, each cell by itself.
        critical: |association| that permuted patients exceed anywhere in the table 5 times in 100.
        patients, slices: how many are behind it.
    """

    entropy: float
    load: FloatArray
    findings: tuple[str, ...]
    association: FloatArray
    p: FloatArray
    critical: float
    patients: int
    slices: int

    @property
    def moved(self) -> int:
        """Cells of the table beyond ``critical``."""
        return int((np.abs(self.association) > self.critical).sum())


def summarize(
    gates: Gates,
    labels: FloatArray,
    patients: Sequence[str],
    findings: Sequence[str],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> RoutingSummary:
    """Entropy, load, and the association of findings with experts against a permutation null.

    The association uses one study a patient (the first by key), so that its rows are independent.
    The null deals whole gate vectors out to other patients: findings stay together with findings,
    experts with experts, only the link between the two is broken.

    Args:
        gates: of the N test studies.
        labels: (N, K) 1, 0 or nan, in the order of ``gates.studies``.
        patients: (N,).
        findings: K ids.
        permutations: of the null.
        seed: of the null.
    """
    _, first = np.unique(np.asarray(patients), return_index=True)
    labels, mean = labels[first], gates.mean[first]
    with_it, without = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
    enough = np.flatnonzero((with_it >= MINIMUM) & (without >= MINIMUM))
    labels = labels[:, enough]
    association = standardized_difference(mean, labels)
    rng = np.random.default_rng(seed)
    null = np.stack(
        [
            np.abs(standardized_difference(mean[rng.permutation(len(mean))], labels))
            for _ in range(permutations)
        ]
    )
    exceeded = (null >= np.abs(association) - 1e-12).sum(axis=0)
    critical = float(np.quantile(null.max(axis=(1, 2)), 0.95)) if len(enough) else float("nan")
    return RoutingSummary(
        entropy=float(gates.entropy.mean()),
        load=gates.mean.mean(axis=0),
        findings=tuple(findings[int(k)] for k in enough),
        association=association,
        p=(exceeded + 1) / (permutations + 1),
        critical=critical,
        patients=len(first),
        slices=gates.slices,
    )


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


def entropy_by_slice(gates: FloatArray) -> FloatArray:
    """Entropy of each row of gates as a share of its maximum.

    Args:
        gates: (S, E), rows sum to 1.

    Returns:
        (S,) in [0, 1]; 1 for a single expert, which is always fully used.
    """
    experts = gates.shape[1]
    if experts == 1:
        return np.ones(len(gates))
    logs = np.log(np.where(gates > 0, gates, 1.0))
    return np.asarray(-(gates * logs).sum(axis=1) / np.log(experts))


def _mean_and_error(chosen: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(F, E) mean and squared standard error over the studies that ``chosen`` (N, F) marks."""
    n = chosen.sum(axis=0)[:, None]
    centered = values - values.mean(axis=0)  # keeps the squares from canceling
    mean = chosen.T @ centered / n
    squares = chosen.T @ centered**2 / n - mean**2
    return mean, np.maximum(squares, 0.0) / (n - 1)
