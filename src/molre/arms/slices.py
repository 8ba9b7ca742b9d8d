"""What arms add to a slice embedding; the modules are imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molre.arms.arm import SliceAdapter, SliceSizes

if TYPE_CHECKING:
    from torch import nn


def _nothing(sizes: SliceSizes) -> nn.Module:
    from molre.arms.slice_adapter import NoAdapter

    return NoAdapter()


def _bottleneck(sizes: SliceSizes) -> nn.Module:
    from molre.arms.slice_adapter import Bottleneck, bottleneck_width

    width = bottleneck_width(sizes.dim, sizes.num_experts, sizes.r, sizes.router_hidden)
    return Bottleneck(sizes.dim, width)


def _molre(sizes: SliceSizes) -> nn.Module:
    from molre.arms.slice_adapter import MoLRESlices

    return MoLRESlices(sizes.dim, sizes.num_experts, sizes.r, sizes.router_hidden, sizes.scaling)


def _shuffled(sizes: SliceSizes) -> nn.Module:
    import torch

    from molre.arms.slice_adapter import ShuffledMoLRESlices

    bank = torch.zeros(sizes.bank_size, sizes.dim)
    routed = sizes.num_experts, sizes.r, sizes.router_hidden, sizes.scaling
    return ShuffledMoLRESlices(sizes.dim, bank, *routed)


NOTHING = SliceAdapter("none", _nothing)
BOTTLENECK = SliceAdapter("bottleneck", _bottleneck)
MOLRE = SliceAdapter("molre", _molre)
SHUFFLED = SliceAdapter("molre_shuffled", _shuffled)
