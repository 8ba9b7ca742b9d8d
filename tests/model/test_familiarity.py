"""Scans like the training ones are near, others far; the threshold keeps 95 % and more."""

from __future__ import annotations

import torch

from molre.model.familiarity import fit_familiarity, summarize


def population(n: int, seed: int) -> torch.Tensor:
    """Scans that vary in five directions of 60, with a little noise elsewhere."""
    axes = torch.randn(5, 60, generator=torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 5, generator=g) @ axes + 0.1 * torch.randn(n, 60, generator=g)


def test_unseen_scans_like_the_training_ones_are_kept() -> None:
    fitted = fit_familiarity(population(200, 1), population(40, 2))
    assert (fitted.distance(population(1000, 3)) <= fitted.threshold).float().mean() >= 0.95


def test_few_training_scans_still_keep_their_like() -> None:
    fitted = fit_familiarity(population(60, 1), population(15, 2))
    assert (fitted.distance(population(1000, 3)) <= fitted.threshold).float().mean() >= 0.95


def test_a_shift_within_or_outside_the_subspace_is_far() -> None:
    fitted = fit_familiarity(population(200, 1), population(40, 2))
    inside = population(50, 4) * 8
    outside = population(50, 4) + 2 * torch.randn(60, generator=torch.Generator().manual_seed(9))
    assert (fitted.distance(outside) > fitted.threshold).all()
    assert (fitted.distance(inside) > fitted.threshold).float().mean() > 0.8


def test_summary_is_mean_and_spread_whatever_the_slice_order() -> None:
    scan = torch.randn(7, 4)
    summary = summarize(scan)
    assert torch.allclose(summary[:4], scan.mean(0))
    assert torch.allclose(summary, summarize(scan[torch.randperm(7)]), atol=1e-6)
    assert torch.equal(summarize(scan[:1])[4:], torch.zeros(4))
