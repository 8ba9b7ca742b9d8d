"""The kinds of adapted layer: linear maps and convolutions.

They differ in which axis holds the features and in how the experts are applied.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from molre.adapter.config import MoLREConfig
from molre.adapter.core import molre_delta, spread_gates
from molre.adapter.routed_layer import MoLRELayer, merge_refusal

__all__ = ["Convolution", "Linear", "MoLRELayer", "merge_refusal"]


class Linear(MoLRELayer):
    """An adapted ``nn.Linear`` (quantised too) or transformers ``Conv1D``.

    The features are the last axis. With slices folded into the batch, (B*S, N, d), ``mean`` and
    ``cls`` gate each slice by itself; an input without tokens, (B, d), is its own context.
    """

    def _widths(self) -> tuple[int, int]:
        base: Any = self.get_base_layer()
        if hasattr(base, "in_features"):
            return base.in_features, base.out_features
        d_in, d_out = base.weight.shape  # transformers' Conv1D keeps its weight transposed
        return d_in, d_out

    def _make_experts(self, width: int) -> tuple[nn.Module, nn.Module]:
        return (
            nn.Linear(self.in_features, width, bias=False),
            nn.Linear(width, self.out_features, bias=False),
        )

    def routing_context(self, x: Tensor, mode: str, valid: Tensor | None = None) -> Tensor:
        if mode == "cls":
            if x.ndim != 3:
                raise ValueError(
                    f"{self.name} got an input of shape {tuple(x.shape)}, which has no single "
                    "token axis, so gate_mode='cls' has no first token to use: use 'mean'."
                )
            if valid is None:
                return x[:, 0]
            first = valid.int().argmax(1)  # padding may stand on the left
            return x[torch.arange(len(x), device=x.device), first]
        if mode == "token" or x.ndim < 3:
            return x
        if valid is None:
            return x.flatten(1, -2).mean(1)
        return _mean_of(x, valid)

    def _apply_experts(self, adapter: str, x: Tensor, gates: Tensor, scaling: float) -> Tensor:
        if 1 < gates.ndim < x.ndim:  # one set of gates for all tokens of an item
            gates = gates.reshape(gates.shape[0], *(1,) * (x.ndim - 2), gates.shape[-1])
        a, b = self.molre_A[adapter].weight, self.molre_B[adapter].weight
        return molre_delta(x, gates, a, b, scaling)

    def _as_base(self, delta: Tensor) -> Tensor:
        return delta if hasattr(self.get_base_layer(), "in_features") else delta.T


def _mean_of(x: Tensor, valid: Tensor) -> Tensor:
    """The mean of the tokens (batch, tokens, d) that count."""
    wide = torch.promote_types(x.dtype, torch.float32)  # a sum is larger than a mean
    kept = torch.where(valid[..., None], x, torch.zeros_like(x)).sum(1, dtype=wide)
    return kept / valid.sum(1, keepdim=True).clamp_min(1)


class Convolution(MoLRELayer):
    """An adapted ``nn.Conv1d``, ``nn.Conv2d`` or ``nn.Conv3d``.

    A is a convolution of the base layer's kernel, stride and padding into E*r channels, B is one of
    kernel 1. The router sees the input's mean over space.
    """

    def _widths(self) -> tuple[int, int]:
        base: Any = self.get_base_layer()
        return base.in_channels, base.out_channels

    def _check(self, config: MoLREConfig) -> None:
        if config.gate_mode == "cls":
            raise ValueError(
                f"{self.name} is a convolution: its input has no first token for gate_mode='cls'. "
                "Use 'mean'."
            )
        base: Any = self.get_base_layer()
        pointwise = all(k == 1 for k in (*base.kernel_size, *base.stride)) and not self._padded()
        if config.gate_mode == "token" and not pointwise:
            raise ValueError(
                f"{self.name} has kernel {base.kernel_size} and stride {base.stride}: its outputs "
                "do not line up with its inputs, as gate_mode='token' requires. Use 'mean'."
            )

    def _padded(self) -> bool:
        base: Any = self.get_base_layer()
        padding = base.padding
        return padding == "same" or any(padding)

    def _make_experts(self, width: int) -> tuple[nn.Module, nn.Module]:
        base: Any = self.get_base_layer()
        kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(base.kernel_size)]
        a = kind(
            self.in_features,
            width,
            base.kernel_size,
            base.stride,
            base.padding,
            base.dilation,
            bias=False,
            padding_mode=base.padding_mode,
        )
        return a, kind(width, self.out_features, 1, bias=False)

    def routing_context(self, x: Tensor, mode: str, valid: Tensor | None = None) -> Tensor:
        if mode == "token":
            return self._tokens_before_features(x)
        if valid is not None:
            return _mean_of(x.mT, valid)
        return x.flatten(-self._spatial()).mean(-1)

    def _tokens_before_features(self, x: Tensor) -> Tensor:
        return x.movedim(-1 - self._spatial(), -1)

    def _apply_experts(self, adapter: str, x: Tensor, gates: Tensor, scaling: float) -> Tensor:
        z = self.molre_A[adapter](x)
        channels = z.ndim - 1 - self._spatial()
        weights = spread_gates(gates, z.shape[channels], scaling).to(z.dtype)
        if self.configs[adapter].gate_mode == "token" and weights.ndim > 1:
            weights = weights.movedim(-1, channels)
        else:
            weights = weights.reshape(*weights.shape, *(1,) * self._spatial())
        return self.molre_B[adapter](z * weights)

    def _spatial(self) -> int:
        base: Any = self.get_base_layer()
        return len(base.kernel_size)

    def get_delta_weight(self, adapter: str) -> Tensor:
        """As in the base class; a grouped convolution has no dense weight to add to.

        Raises:
            ValueError: if the gates are not fixed or the base layer has groups.
        """
        base: Any = self.get_base_layer()
        if base.groups > 1:
            raise ValueError(f"{self.name} is a grouped convolution: it cannot be merged.")
        return super().get_delta_weight(adapter)
