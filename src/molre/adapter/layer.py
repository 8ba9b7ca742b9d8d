"""An adapted layer: the frozen base layer, and beside it the mixture of low-rank experts.

One class serves every kind of base layer; :class:`Linear` and :class:`Convolution` differ only in
which axis holds the features and in how the experts are applied.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from molre.adapter.config import MoLREConfig
from molre.adapter.core import ROUTER_START_STD, molre_delta, router_gates, spread_gates


def merge_refusal(adapter: str) -> ValueError:
    """Why an adapter whose gates are not fixed is not merged."""
    return ValueError(
        f"adapter {adapter!r} routes each input by itself, so no one weight stands for it: it "
        "cannot be merged. Keep it beside the model, or set fixed_gates."
    )


class MoLRELayer(nn.Module, BaseTunerLayer):
    """Experts and routers by adapter name, around one base layer.

    Args:
        base_layer: the layer to adapt; it is kept, and stays frozen.
        name: where the layer sits in its model, for messages.
        adapter_name: the first adapter.
        config: its configuration.
    """

    adapter_layer_names = ("molre_A", "molre_B", "molre_router_in", "molre_router_out")
    other_param_names = ("molre_dropout", "configs")

    def __init__(
        self, base_layer: nn.Module, name: str, adapter_name: str, config: MoLREConfig
    ) -> None:
        super().__init__()
        self.base_layer: Any = base_layer
        self.name = name
        # Flat dictionaries: were a router one module per adapter, the adapter's name would stay
        # inside its saved keys, and loading it under another name would leave it random.
        self.molre_A: Any = nn.ModuleDict()
        self.molre_B: Any = nn.ModuleDict()
        self.molre_router_in: Any = nn.ModuleDict()
        self.molre_router_out: Any = nn.ModuleDict()
        self.molre_dropout: Any = nn.ModuleDict()
        self.configs: dict[str, MoLREConfig] = {}
        self.contexts: Tensor | None = None  # what the router sees instead, if set
        self.seen_gates: list[Tensor] | None = None  # where to note the gates, if set
        self._disable_adapters = False
        self._active_adapter = adapter_name
        self.merged_adapters = []
        self.in_features, self.out_features = self._widths()
        self.update_layer(adapter_name, config)

    # what the kinds of layer differ in

    @abstractmethod
    def _widths(self) -> tuple[int, int]:
        """Features in and out of the base layer."""

    @abstractmethod
    def _make_experts(self, width: int) -> tuple[nn.Module, nn.Module]:
        """A and B of all experts together, ``width`` = E * r between them."""

    @abstractmethod
    def routing_context(self, x: Tensor, mode: str) -> Tensor:
        """What the router sees of an input: the input itself, or its mean or first token.

        Args:
            x: the layer's input.
            mode: ``mean``, ``cls`` or ``token``, as in ``gate_mode``.

        Returns:
            (batch, d_in), or with ``token`` (batch, tokens..., d_in).
        """

    @abstractmethod
    def _apply_experts(self, adapter: str, x: Tensor, gates: Tensor, scaling: float) -> Tensor:
        """The delta, in the shape of the base layer's output."""

    def _check(self, config: MoLREConfig) -> None:
        """Raise ValueError where this layer cannot be adapted as asked."""

    # building

    def update_layer(self, adapter_name: str, config: MoLREConfig) -> None:
        """Add an adapter, or make one of that name anew.

        Raises:
            ValueError: if this layer cannot be adapted as ``config`` asks.
        """
        self._check(config)
        self.configs[adapter_name] = config
        self.molre_dropout[adapter_name] = (
            nn.Dropout(config.dropout) if config.dropout else nn.Identity()
        )
        a, b = self._make_experts(config.num_experts * config.r)
        self.molre_A[adapter_name], self.molre_B[adapter_name] = a, b
        if config.fixed_gates is None:
            router_in = nn.Linear(self.in_features, config.router_dim)
            self.molre_router_in[adapter_name] = router_in
            self.molre_router_out[adapter_name] = nn.Linear(config.router_dim, config.num_experts)
        self.reset_parameters(adapter_name)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def reset_parameters(self, adapter_name: str) -> None:
        """Start an adapter: independent A, B at zero, gates nearly uniform."""
        a, b = self.molre_A[adapter_name], self.molre_B[adapter_name]
        nn.init.kaiming_uniform_(a.weight, a=math.sqrt(5))
        if self.configs[adapter_name].init_weights:
            nn.init.zeros_(b.weight)
        else:
            nn.init.kaiming_uniform_(b.weight, a=math.sqrt(5))
        if adapter_name in self.molre_router_out:
            out = self.molre_router_out[adapter_name]
            nn.init.normal_(out.weight, std=ROUTER_START_STD)
            nn.init.zeros_(out.bias)

    # which weights train

    def set_adapter(self, adapter_names: str | list[str], inference_mode: bool = False) -> None:
        """Make adapters active, and trainable unless ``inference_mode``."""
        super().set_adapter(adapter_names, inference_mode=inference_mode)
        self._hold_untrained_routers()

    def set_requires_grad(
        self, adapter_names: str | Sequence[str], requires_grad: bool = True
    ) -> None:
        """Switch the gradients of adapters; a router that is not to be trained stays as it is."""
        super().set_requires_grad(adapter_names, requires_grad)
        self._hold_untrained_routers()

    def _hold_untrained_routers(self) -> None:
        for adapter, config in self.configs.items():
            if not config.train_router and adapter in self.molre_router_in:
                self.molre_router_in[adapter].requires_grad_(False)
                self.molre_router_out[adapter].requires_grad_(False)

    # running

    def gates(self, x: Tensor, adapter: str) -> Tensor:
        """The share of each expert, for an input of this layer.

        Args:
            x: the layer's input.
            adapter: an adapter's name.

        Returns:
            (batch, E), or (batch, tokens..., E) with ``gate_mode='token'``; float32 (float64
            where the adapter is).
        """
        config = self.configs[adapter]
        router_in = self.molre_router_in[adapter]
        router_out = self.molre_router_out[adapter]
        context = (
            self.routing_context(x, config.gate_mode) if self.contexts is None else self.contexts
        )
        return router_gates(
            context, router_in.weight, router_in.bias, router_out.weight, router_out.bias
        )

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """The base layer's output plus the delta of each active adapter."""
        if self.disable_adapters and self.merged:
            self.unmerge()
        result = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters or self.merged:
            return result
        if self.quantization_backend is not None:
            result = self.quantization_backend.maybe_clone_base_result(result)
        for adapter in self.active_adapters:
            if adapter in self.molre_A:
                result = result + self._delta(adapter, x).to(result.dtype)
        return result

    def _delta(self, adapter: str, x: Tensor) -> Tensor:
        config = self.configs[adapter]
        x = self._cast_input_dtype(x, self.molre_A[adapter].weight.dtype)
        gates = self.gates(x, adapter) if config.fixed_gates is None else self._fixed(adapter, x)
        if self.seen_gates is not None:
            self.seen_gates.append(gates.detach())
        return self._apply_experts(adapter, self.molre_dropout[adapter](x), gates, config.scaling)

    def _fixed(self, adapter: str, like: Tensor) -> Tensor:
        fixed = self.configs[adapter].fixed_gates
        return torch.tensor(fixed, dtype=like.dtype, device=like.device)

    # merging, which needs gates that do not depend on the input

    def get_delta_weight(self, adapter: str) -> Tensor:
        """What an adapter with fixed gates adds to the base weight, in its shape.

        Raises:
            ValueError: if the adapter's gates are not fixed.
        """
        config = self.configs[adapter]
        if config.fixed_gates is None:
            raise merge_refusal(adapter)
        a, b = self.molre_A[adapter].weight, self.molre_B[adapter].weight
        width = config.num_experts * config.r
        gates = spread_gates(self._fixed(adapter, b), width, config.scaling)
        return ((b.flatten(1) * gates) @ a.flatten(1)).reshape(len(b), *a.shape[1:])

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Add fixed-gate adapters to the base weight.

        Raises:
            ValueError: if an adapter's gates are not fixed, or, with ``safe_merge``, if the
                merged weight would not be finite; nothing is changed then.
        """
        adapters = [a for a in check_adapters_to_merge(self, adapter_names) if a in self.molre_A]
        deltas = [self._as_base(self.get_delta_weight(adapter)) for adapter in adapters]
        for adapter, delta in zip(adapters, deltas, strict=True):
            if safe_merge and not torch.isfinite(delta).all():
                raise ValueError(f"adapter {adapter!r} holds NaN or infinite weights: not merged.")
        for adapter, delta in zip(adapters, deltas, strict=True):
            weight = self.get_base_weight()
            self.set_base_weight(weight + delta.to(weight.dtype))
            self.merged_adapters.append(adapter)

    def unmerge(self) -> None:
        """Take merged adapters out of the base weight again."""
        while self.merged_adapters:
            adapter = self.merged_adapters.pop()
            weight = self.get_base_weight()
            self.set_base_weight(
                weight - self._as_base(self.get_delta_weight(adapter)).to(weight.dtype)
            )

    def _as_base(self, delta: Tensor) -> Tensor:
        return delta

    def __repr__(self) -> str:
        return "molre." + super().__repr__()


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

    def routing_context(self, x: Tensor, mode: str) -> Tensor:
        if mode == "cls":
            if x.ndim != 3:
                raise ValueError(
                    f"{self.name} got an input of shape {tuple(x.shape)}, which has no one axis of "
                    "tokens, so gate_mode='cls' has no first token to look at: use 'mean'."
                )
            return x[:, 0]
        if mode == "token" or x.ndim < 3:
            return x
        return x.flatten(1, -2).mean(1)

    def _apply_experts(self, adapter: str, x: Tensor, gates: Tensor, scaling: float) -> Tensor:
        if 1 < gates.ndim < x.ndim:  # one set of gates for all tokens of an item
            gates = gates.reshape(gates.shape[0], *(1,) * (x.ndim - 2), gates.shape[-1])
        a, b = self.molre_A[adapter].weight, self.molre_B[adapter].weight
        return molre_delta(x, gates, a, b, scaling)

    def _as_base(self, delta: Tensor) -> Tensor:
        return delta if hasattr(self.get_base_layer(), "in_features") else delta.T


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
                "do not stand at its inputs' places, which gate_mode='token' needs. Use 'mean'."
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

    def routing_context(self, x: Tensor, mode: str) -> Tensor:
        if mode == "token":
            return x.movedim(-1 - self._spatial(), -1)
        return x.flatten(-self._spatial()).mean(-1)

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
