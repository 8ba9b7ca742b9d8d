"""Is a scan like the ones the model was trained on? A distance of its mean slice embedding.

The training scans' mean embeddings span a subspace (principal components). A scan is described
by its Mahalanobis distance within it and by how far it lies outside of it. The threshold comes
from the calibrate split, which the subspace has not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_COMPONENTS = 32
# Calibrate scans' log distances, mean + 6 sd: the split is small, and a scan with a finding that
# is rare in training must not be withheld for it. Other scanners, bodies and phantoms lie beyond.
MARGIN_SD = 6.0


@dataclass(frozen=True)
class Familiarity:
    """Where the training scans lie.

    Attributes:
        mean: (D,).
        axes: (C, D), orthonormal.
        variances: (C,), of the training scans along the axes.
        residual: scalar tensor, mean squared length outside the axes per scan.
        threshold: scalar tensor; a larger distance is unfamiliar.
    """

    mean: Tensor
    axes: Tensor
    variances: Tensor
    residual: Tensor
    threshold: Tensor

    def distance(self, summary: Tensor) -> Tensor:
        """Distance (N,) of scan summaries (N, D); near 1 for scans like the training ones."""
        offset = summary.double() - self.mean
        along = offset @ self.axes.T
        outside = (offset - along @ self.axes).square().sum(1)
        inside = (along.square() / self.variances).sum(1)
        return torch.sqrt((inside / len(self.axes) + outside / self.residual) / 2)


def summarize(normalized: Tensor) -> Tensor:
    """One vector per scan (2 D,): mean and spread over the slices of normalized slices (S, D)."""
    return torch.cat([normalized.mean(0), normalized.std(0, correction=0)])


def fit_familiarity(train: Tensor, calibrate: Tensor) -> Familiarity:
    """Fit the subspace on training scans and the threshold on calibrate scans.

    Args:
        train: (N, D) scan summaries.
        calibrate: (M, D); where it has fewer than 5 scans, train stands in.
    """
    train = train.double()
    mean = train.mean(0)
    components = max(1, min(MAX_COMPONENTS, len(train) // 5))
    _, singular, axes = torch.linalg.svd(train - mean, full_matrices=False)
    axes = axes[:components]
    variances = (singular[:components].square() / max(1, len(train) - 1)).clamp(min=1e-8)
    outside = (train - mean) - (train - mean) @ axes.T @ axes
    residual = outside.square().sum(1).mean().clamp(min=1e-8)
    fitted = Familiarity(mean, axes, variances, residual, torch.tensor(0.0, dtype=torch.float64))
    distances = fitted.distance(calibrate if len(calibrate) >= 5 else train).log()
    spread = distances.std().clamp(min=0.05)
    threshold = torch.exp(torch.maximum(distances.mean() + MARGIN_SD * spread, distances.max()))
    return Familiarity(mean, axes, variances, residual, threshold)
