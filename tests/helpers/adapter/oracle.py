"""The method written out once more, one item and one expert at a time, without its code."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


def own_gates(context: Tensor, layer: Any, adapter: str) -> Tensor:
    """softmax(V gelu(U c + u) + v) of one context (d,), by its definition."""
    first, second = layer.molre_router_in[adapter], layer.molre_router_out[adapter]
    hidden = first.weight @ context + first.bias
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
    exponentials = torch.exp(second.weight @ hidden + second.bias)
    return exponentials / exponentials.sum()


def looped_linear(
    layer: Any, x: Tensor, mode: str, scale: float, adapter: str = "default"
) -> Tensor:
    """The output of an adapted nn.Linear for x of (batch, ..., d)."""
    a, b = layer.molre_A[adapter].weight, layer.molre_B[adapter].weight
    base = layer.get_base_layer()
    items = []
    for item in x:
        tokens = item.reshape(-1, item.shape[-1])
        rows = []
        for token in tokens:
            context = {"mean": tokens.sum(0) / len(tokens), "cls": tokens[0], "token": token}[mode]
            rows.append(_experts(token, own_gates(context, layer, adapter), a, b) * scale)
        items.append(torch.stack(rows).reshape(*item.shape[:-1], -1))
    return x @ base.weight.T + base.bias + torch.stack(items)


def _experts(token: Tensor, gates: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r = len(a) // len(gates)
    total = torch.zeros(len(b), dtype=token.dtype)
    for e, gate in enumerate(gates):
        total = total + gate * (b[:, e * r : (e + 1) * r] @ (a[e * r : (e + 1) * r] @ token))
    return total


def looped_convolution(
    layer: Any, x: Tensor, mode: str, scale: float, adapter: str = "default"
) -> Tensor:
    """The output of an adapted convolution for x of (batch, channels, space...)."""
    base = layer.get_base_layer()
    space = x.ndim - 2
    a, b = layer.molre_A[adapter].weight, layer.molre_B[adapter].weight
    experts = len(layer.molre_router_out[adapter].bias)
    r = len(a) // experts
    items = []
    for item in x:
        flat = item.reshape(len(item), -1)
        if mode == "mean":
            gates = own_gates(flat.sum(1) / flat.shape[1], layer, adapter)
        else:  # a gate for each place: (E, space...)
            places = [own_gates(place, layer, adapter) for place in flat.T]
            gates = torch.stack(places, 1).reshape(experts, *item.shape[1:])
        total = torch.zeros(())
        for e in range(experts):
            part = a[e * r : (e + 1) * r]
            low = CONV[space](item[None], part, None, base.stride, base.padding, base.dilation)[0]
            high = torch.einsum("or,r...->o...", b[:, e * r : (e + 1) * r].flatten(1), low)
            total = total + gates[e] * high
        items.append(total)
    return base(x) + scale * torch.stack(items)
