"""An adapted layer: the frozen base layer, and beside it the mixture of low-rank experts.

One class serves every kind of base layer; those in :mod:`molre.adapter.layer` differ only in which
axis holds the features and in how the experts are applied.
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
from molre.adapter.core import ROUTER_START_STD, router_gates, spread_gates
from molre.adapter.padding import Masks, valid_tokens


def merge_refusal(adapter: str) -> ValueError:
    """Why an adapter whose gates are not fixed is not merged."""
    return ValueError(
        f"adapter {adapter!r} routes each input separately, so no single weight can replace "
        "it: it cannot be merged. Keep it beside the model, or set fixed_gates."
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
        self.seen_of: list[str] = []  # the adapters that they are of
        self.around: list[Masks] = []  # what the modules around it were told of padding
        self.causal = False  # whether its tokens must not know of those after them
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
    def routing_context(self, x: Tensor, mode: str, valid: Tensor | None = None) -> Tensor:
        """What the router sees of an input: the input itself, or its mean or first token.

        Args:
            x: the layer's input.
            mode: ``mean``, ``cls`` or ``token``, as in ``gate_mode``.
            valid: bool (batch, tokens), false where a token is padding; None where none is.

        Returns:
            (batch, d_in), or with ``token`` (batch, tokens..., d_in).
        """

    def _tokens_before_features(self, x: Tensor) -> Tensor:
        """The input as (batch, tokens..., d)."""
        return x

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
        return self._route(adapter, self.context(x, adapter))

    def context(self, x: Tensor, adapter: str) -> Tensor:
        """What an adapter's router sees of an input of this layer, padding left out.

        Args:
            x: the layer's input.
            adapter: an adapter's name.

        Raises:
            ValueError: if a mask hides tokens that cannot be told from the others here.
        """
        if self.contexts is not None:
            if len(self.contexts) != len(x):
                raise ValueError(
                    f"{self.name} got a batch of {len(x)} and contexts for {len(self.contexts)}."
                )
            return self.contexts
        mode = self.configs[adapter].gate_mode
        valid = None
        if mode != "token":
            valid = valid_tokens(self.around, self.name, self._tokens_before_features(x), mode)
        return self.routing_context(x, mode, valid)

    def _route(self, adapter: str, context: Tensor) -> Tensor:
        router_in, router_out = self.molre_router_in[adapter], self.molre_router_out[adapter]
        return router_gates(
            context, router_in.weight, router_in.bias, router_out.weight, router_out.bias
        )

    def routers(self) -> list[str]:
        """The active adapters that route here; none while adapters are disabled."""
        active = [] if self.disable_adapters or self.merged else self.active_adapters
        return [adapter for adapter in active if adapter in self.molre_router_in]

    def pools(self) -> bool:
        """Whether an active adapter gives a whole item one set of gates."""
        return any(self.configs[adapter].gate_mode != "token" for adapter in self.routers())

    def forward(
        self, x: Tensor, *args: Any, adapter_names: list[str] | None = None, **kwargs: Any
    ) -> Tensor:
        """The base layer's output plus the delta of each active adapter.

        Args:
            x: the input.
            args: for the base layer.
            adapter_names: of a mixed batch, the adapter of each item; ``__base__`` for none.
            kwargs: for the base layer.
        """
        if self.disable_adapters and self.merged:
            self.unmerge()
        if adapter_names is not None:
            self._check_names(adapter_names, x)
        result = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters or self.merged:
            return result
        if self.quantization_backend is not None:
            result = self.quantization_backend.maybe_clone_base_result(result)
        if adapter_names is not None:
            return self._mixed(result, x, adapter_names)
        for adapter in self.active_adapters:
            if adapter in self.molre_A:
                result = result + self._delta(adapter, x).to(result.dtype)
        return result

    def _check_names(self, adapter_names: list[str], x: Tensor) -> None:
        if self.merged:
            raise ValueError("adapter_names needs adapters that are not merged: unmerge_adapter().")
        if len(adapter_names) != len(x):
            raise ValueError(
                f"adapter_names names the adapter of each item: {len(adapter_names)} names, and "
                f"{self.name} got a batch of {len(x)}."
            )

    def _mixed(self, result: Tensor, x: Tensor, adapter_names: list[str]) -> Tensor:
        for adapter in dict.fromkeys(adapter_names):
            if adapter in self.molre_A:
                named = [i for i, name in enumerate(adapter_names) if name == adapter]
                items = torch.tensor(named, device=x.device)
                delta = self._delta(adapter, x, items).to(result.dtype)
                result = result.index_add(0, items, delta)
        return result

    def _delta(self, adapter: str, x: Tensor, items: Tensor | None = None) -> Tensor:
        config = self.configs[adapter]
        x = self._cast_input_dtype(x, self.molre_A[adapter].weight.dtype)
        if config.fixed_gates is None:
            context = self.context(x, adapter)
            gates = self._route(adapter, context if items is None else context[items])
        else:
            gates = self._fixed(adapter, x)
        if self.seen_gates is not None:
            self.seen_gates.append(gates.detach())
            self.seen_of.append(adapter)
        x = x if items is None else x[items]
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
