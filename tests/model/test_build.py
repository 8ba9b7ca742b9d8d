"""What a classifier starts from: one seed, one head, whatever the arm."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molre.model.build import ClassifierSpec, build_classifier

KINDS = ["bottleneck", "molre", "molre_shuffled"]


def head(kind: str, seed: int, shared: bool) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    spec = ClassifierSpec(dim=12, findings=3, adapter=kind, shared_query=shared, bank_size=4)
    state = build_classifier(spec).state_dict()
    return {name: value for name, value in state.items() if not name.startswith("adapter.")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("shared", [False, True])
def test_arms_of_one_seed_start_with_the_head_of_frozen(kind: str, seed: int, shared: bool) -> None:
    frozen, arm = head("none", seed, shared), head(kind, seed, shared)
    assert frozen.keys() == arm.keys()
    assert all(torch.equal(arm[name], value) for name, value in frozen.items())
    other = head(kind, seed + 1, shared)
    assert any(not torch.equal(other[name], value) for name, value in arm.items())
