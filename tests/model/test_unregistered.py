"""A module in a box is used by another and is not a part of it."""

from __future__ import annotations

import copy

from torch import nn

from molre.model.unregistered import Unregistered


class _Head(nn.Module):
    def __init__(self, backbone: nn.Module):
        super().__init__()
        self.linear, self.backbone = nn.Linear(2, 1), Unregistered(backbone)


def test_what_is_in_a_box_is_not_saved_counted_or_switched() -> None:
    backbone = nn.Linear(3, 2)
    head = _Head(backbone)
    assert set(head.state_dict()) == {"linear.weight", "linear.bias"}
    assert not {id(p) for p in head.parameters()} & {id(p) for p in backbone.parameters()}
    head.eval()
    assert backbone.training
    assert head.backbone.content is backbone


def test_a_copy_has_a_copy_of_it() -> None:
    head = _Head(nn.Linear(3, 2))
    other = copy.deepcopy(head).backbone.content
    assert other is not head.backbone.content
    assert other.weight.equal(head.backbone.content.weight)
