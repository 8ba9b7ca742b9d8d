"""Attention pooling: the mean at first, each finding its own weights, padding of no weight."""

from __future__ import annotations

import math

import torch

from molre.arms.slice_adapter import Adapted
from molre.model.pooling import AttentionPooling

ALL = torch.ones(1, 6, dtype=torch.bool)


def pooling(shared: bool = False) -> AttentionPooling:
    torch.manual_seed(0)
    layer = AttentionPooling(dim=8, findings=3, shared_query=shared)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    return layer


def test_it_starts_as_the_mean_of_the_slices() -> None:
    layer, x = AttentionPooling(8, 3), torch.randn(1, 6, 8)
    logits, attention = layer(Adapted(x), ALL)
    assert torch.allclose(attention, torch.full((1, 6, 3), 1 / 6))
    assert torch.allclose(logits, x.mean(1) @ layer.weight.T + layer.bias, atol=1e-6)


def test_scores_are_those_of_the_pooled_vectors_that_never_exist() -> None:
    layer, x = pooling(), torch.randn(2, 6, 8)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    logits, attention = layer(Adapted(x), mask)
    for b in range(2):
        real = x[b][mask[b]]
        for k in range(3):
            weights = torch.softmax(real @ layer.query[k] / math.sqrt(8), dim=0)
            pooled = weights @ real
            assert torch.allclose(logits[b, k], layer.weight[k] @ pooled + layer.bias[k], atol=1e-5)
            assert torch.allclose(attention[b, mask[b], k], weights, atol=1e-6)
    assert torch.all(attention[~mask] == 0)


def test_a_shared_query_weighs_the_slices_alike_for_every_finding() -> None:
    _, attention = pooling(shared=True)(Adapted(torch.randn(1, 6, 8)), ALL)
    assert torch.equal(attention[..., :1].expand(-1, -1, 3), attention)
    _, own = pooling()(Adapted(torch.randn(1, 6, 8)), ALL)
    assert not torch.allclose(own[..., 0], own[..., 1])
