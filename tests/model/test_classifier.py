"""The classifier: fused pooling, padding, batch independence, the shuffled control."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from molre.adapter.core import gate_entropy
from molre.arms.slice_adapter import (
    Bottleneck,
    MoLRESlices,
    ShuffledMoLRESlices,
    bottleneck_width,
    freeze_random_router,
)
from molre.model.build import ClassifierSpec, build_classifier
from molre.model.classifier import HeadCTClassifier, bank_indices

KINDS = ["none", "bottleneck", "molre", "molre_shuffled"]


def classifier(kind: str, shared: bool = False) -> HeadCTClassifier:
    torch.manual_seed(3)
    spec = ClassifierSpec(
        dim=24,
        findings=5,
        adapter=kind,
        r=2,
        shared_query=shared,
        bank_size=10,  # type: ignore[arg-type]
    )
    model = build_classifier(spec).eval()
    for parameter in model.parameters():  # away from the start, where half of it is zero
        torch.nn.init.normal_(parameter, std=0.3)
    if kind == "molre_shuffled":
        model.adapter.bank.normal_()  # type: ignore[union-attr, operator]
    return model


def adapted(model: HeadCTClassifier, x: Tensor, index: Tensor) -> Tensor:
    """The adapters as the paper writes them, one slice and one expert after the other."""
    adapter, rows = model.adapter, []
    for slice_, place in zip(x, index, strict=True):
        row = slice_
        if isinstance(adapter, Bottleneck):
            row = slice_ + adapter.up(functional.gelu(adapter.down(slice_)))
        if isinstance(adapter, MoLRESlices):
            bank = adapter.bank if isinstance(adapter, ShuffledMoLRESlices) else None
            gates = adapter.router(slice_ if bank is None else bank[place % len(bank)])
            a, b, r = adapter.experts.a, adapter.experts.b, adapter.experts.r
            for e, gate in enumerate(gates):
                at = slice(e * r, (e + 1) * r)
                row = row + gate * (b[:, at] @ (a[at] @ slice_))
        rows.append(row)
    return torch.stack(rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [False, True])
def test_scores_equal_the_formula_step_by_step(kind: str, shared: bool) -> None:
    model = classifier(kind, shared)
    x, index = torch.randn(1, 7, 24), bank_indices("s", 7, 0).unsqueeze(0)
    scores = model(x, torch.ones(1, 7, dtype=torch.bool), index)
    h = adapted(model, model.normalize(x)[0], index[0])
    for k in range(5):
        query = model.pooling.query[0 if shared else k]
        a = torch.softmax(h @ query / math.sqrt(24), dim=0)
        pooled = a @ h
        logit = pooled @ model.pooling.weight[k] + model.pooling.bias[k]
        assert torch.allclose(scores.logits[0, k], logit, atol=1e-5)
        assert torch.allclose(scores.attention[0, :, k], a, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [False, True])
def test_a_scan_does_not_depend_on_its_batch_or_padding(kind: str, shared: bool) -> None:
    model = classifier(kind, shared)
    scans = [torch.randn(n, 24) for n in (3, 9, 6)]
    alone = []
    for i, scan in enumerate(scans):
        index = bank_indices(f"scan{i}", len(scan), seed=0).unsqueeze(0)
        mask = torch.ones(1, len(scan), dtype=torch.bool)
        alone.append(model(scan.unsqueeze(0), mask, index).logits[0])
    batch, mask = torch.zeros(3, 9, 24), torch.zeros(3, 9, dtype=torch.bool)
    index = torch.zeros(3, 9, dtype=torch.long)
    for i, scan in enumerate(scans):
        batch[i, : len(scan)], mask[i, : len(scan)] = scan, True
        index[i, : len(scan)] = bank_indices(f"scan{i}", len(scan), seed=0)
    together = model(batch, mask, index)
    assert torch.allclose(together.logits, torch.stack(alone), atol=1e-5)
    assert torch.all(together.attention[~mask] == 0)


@pytest.mark.parametrize("kind", ["bottleneck", "molre", "molre_shuffled"])
def test_every_adapter_starts_as_the_identity(kind: str) -> None:
    torch.manual_seed(0)
    spec = ClassifierSpec(dim=16, findings=2, adapter=kind)  # type: ignore[arg-type]
    adapter = build_classifier(spec).adapter
    x = torch.randn(2, 4, 16)
    read = adapter(x, torch.zeros(2, 4, dtype=torch.long)).read(torch.eye(16))
    assert torch.equal(read, x)


def test_slice_order_does_not_change_the_logits() -> None:
    model = classifier("molre")
    x, mask = torch.randn(1, 8, 24), torch.ones(1, 8, dtype=torch.bool)
    index = torch.zeros(1, 8, dtype=torch.long)
    order = torch.randperm(8)
    first = model(x, mask, index).logits
    assert torch.allclose(first, model(x[:, order], mask, index).logits, atol=1e-5)


def test_shuffled_gates_come_from_the_bank_alone() -> None:
    model = classifier("molre_shuffled")
    mask, index = torch.ones(1, 5, dtype=torch.bool), bank_indices("s", 5, 0).unsqueeze(0)
    one = model(torch.randn(1, 5, 24), mask, index).gates
    other = model(torch.randn(1, 5, 24), mask, index).gates
    assert torch.equal(one, other)


def test_bank_indices_depend_on_seed_series_and_slice() -> None:
    assert torch.equal(bank_indices("a", 9, 1), bank_indices("a", 9, 1))
    assert not torch.equal(bank_indices("a", 9, 1), bank_indices("b", 9, 1))
    assert not torch.equal(bank_indices("a", 9, 1), bank_indices("a", 9, 2))
    assert len(set(bank_indices("a", 9, 1).tolist())) > 5


def test_bottleneck_has_the_parameters_of_molre_within_one_unit() -> None:
    count = {}
    for kind in ("bottleneck", "molre"):
        spec = ClassifierSpec(dim=384, findings=3, adapter=kind)  # type: ignore[arg-type]
        count[kind] = sum(p.numel() for p in build_classifier(spec).adapter.parameters())
    one_unit = 2 * 384 + 1
    assert 0 <= count["molre"] - count["bottleneck"] < one_unit
    assert bottleneck_width(384, 6, 8, 32) > 48


def test_random_router_is_frozen_at_the_wanted_entropy() -> None:
    torch.manual_seed(0)
    adapter = MoLRESlices(32)
    slices = torch.randn(500, 32)
    freeze_random_router(adapter, slices, share=0.7)
    assert gate_entropy(adapter.router(slices)).item() == pytest.approx(0.7, abs=0.01)
    assert not any(p.requires_grad for p in adapter.router.parameters())
