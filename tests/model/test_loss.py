"""Focal loss: unknown labels are silent, gamma 0 is weighted cross-entropy."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.model.loss import focal_loss, prevalence_weights

NAN = float("nan")


def by_hand(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, gamma: float
) -> float:
    total, known = 0.0, 0
    for b in range(len(logits)):
        for k in range(logits.shape[1]):
            y = targets[b, k].item()
            if math.isnan(y):
                continue
            p = 1 / (1 + math.exp(-logits[b, k].item()))
            p_true = p if y == 1 else 1 - p
            total += weights[k, int(y)].item() * (1 - p_true) ** gamma * -math.log(p_true)
            known += 1
    return total / max(known, 1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), gamma=st.sampled_from([0.0, 1.0, 2.0, 5.0]))
def test_equals_the_formula_cell_by_cell(seed: int, gamma: float) -> None:
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(4, 3, generator=g) * 2
    targets = torch.randint(0, 2, (4, 3), generator=g).float()
    targets[torch.rand(4, 3, generator=g) < 0.3] = NAN
    weights = torch.rand(3, 2, generator=g) + 0.1
    got = focal_loss(logits, targets, weights, gamma).item()
    assert got == pytest.approx(by_hand(logits, targets, weights, gamma), rel=1e-4, abs=1e-6)


def test_unknown_labels_give_no_gradient() -> None:
    logits = torch.randn(2, 2, requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [NAN, 0.0]])
    focal_loss(logits, targets, torch.ones(2, 2)).backward()
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 0] == 0
    assert logits.grad[0, 0] != 0


def test_nothing_known_is_zero_not_nan() -> None:
    logits = torch.randn(2, 2, requires_grad=True)
    loss = focal_loss(logits, torch.full((2, 2), NAN), torch.ones(2, 2))
    loss.backward()
    assert loss.item() == 0


def test_rare_findings_weigh_more_up_to_a_cap() -> None:
    targets = torch.zeros(1000, 2)
    targets[:500, 0] = 1
    targets[:2, 1] = 1
    weights = prevalence_weights(targets)
    assert weights[0].tolist() == pytest.approx([1, 1], rel=0.01)
    assert weights[1, 1] == 10
    assert weights[1, 0] == pytest.approx(0.5, rel=0.01)
