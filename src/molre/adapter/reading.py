"""Reading a trained router: which experts each input used, and whether they differ at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from molre.adapter.collapse import collapsed, mean_load, update_similarity
from molre.adapter.core import gate_entropy
from molre.adapter.layer import MoLRELayer


def layers(model: nn.Module) -> dict[str, MoLRELayer]:
    """The adapted layers of a model by name, in its order.

    Raises:
        ValueError: if the model has none.
    """
    found = {name: m for name, m in model.named_modules() if isinstance(m, MoLRELayer)}
    if not found:
        raise ValueError("this model has no MoLRE layers: adapt it with get_peft_model first.")
    return found


@torch.no_grad()
def gates(model: nn.Module, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    """Run the model once and return the gates of each adapted layer.

    Args:
        model: an adapted model; its active adapter is read.
        args: what the model is called with, such as a batch of pixels.
        kwargs: the same.

    Returns:
        for each layer float32 (batch, E), or (batch, tokens, E) with ``gate_mode='token'``. Layers
        that were not run, or run without an active adapter, are absent.

    Raises:
        ValueError: if the model has no MoLRE layers.
    """
    with noting(layers(model)) as seen:
        model(*args, **kwargs)
        return seen()


@torch.no_grad()
def contexts(model: nn.Module, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    """Run the model once and return what the router of each layer saw: its own input, pooled.

    Args:
        model: an adapted model with ``gate_mode`` ``mean`` or ``cls``.
        args: what the model is called with.
        kwargs: the same.

    Returns:
        for each layer that was run (batch, d_in).

    Raises:
        ValueError: if the model has no MoLRE layers.
    """
    found = layers(model)
    seen: dict[str, list[Tensor]] = {name: [] for name in found}
    handles = [m.register_forward_pre_hook(_seeing(seen[name])) for name, m in found.items()]
    try:
        model(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return {name: torch.cat(parts) for name, parts in seen.items() if parts}


def _seeing(parts: list[Tensor]) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def see(module: nn.Module, args: tuple[Any, ...]) -> None:
        assert isinstance(module, MoLRELayer)
        adapter = next(iter(module.configs))
        parts.append(module.routing_context(args[0], module.configs[adapter].gate_mode))

    return see


@contextmanager
def noting(found: Mapping[str, MoLRELayer]) -> Iterator[Callable[[], dict[str, Tensor]]]:
    """Let layers note their gates; yields what returns those noted so far, as :func:`gates`.

    Args:
        found: layers by name.
    """
    for layer in found.values():
        layer.seen_gates = []
    try:
        yield lambda: {n: torch.cat(m.seen_gates) for n, m in found.items() if m.seen_gates}
    finally:
        for layer in found.values():
            layer.seen_gates = None


@contextmanager
def routed_by(model: nn.Module, contexts: Mapping[str, Tensor]) -> Iterator[None]:
    """Let routers see other contexts than their layers' own inputs, for a control or for windows.

    Keep the block open until after ``backward``: gradient checkpointing runs the forward again.

    Args:
        model: an adapted model.
        contexts: layer name to (batch, d_in); layers that are not named keep their own.

    Raises:
        ValueError: if a name is no adapted layer.
    """
    found = layers(model)
    unknown = sorted(set(contexts) - set(found))
    if unknown:
        raise ValueError(f"{unknown[0]} is no adapted layer: there are {', '.join(found)}.")
    with rerouted(found, contexts):
        yield


@contextmanager
def rerouted(found: Mapping[str, MoLRELayer], contexts: Mapping[str, Tensor]) -> Iterator[None]:
    """As :func:`routed_by`, for layers that are at hand.

    Args:
        found: layers by name.
        contexts: for some of them, (batch, d_in).
    """
    for name, context in contexts.items():
        found[name].contexts = context
    try:
        yield
    finally:
        for name in contexts:
            found[name].contexts = None


@torch.no_grad()
def expert_similarity(layer: MoLRELayer, adapter: str = "default") -> Tensor:
    """Cosine similarity of the experts' weight updates ``B_e A_e``.

    All near 1 means that the experts are one expert: routing between them cannot matter.

    Args:
        layer: an adapted layer.
        adapter: an adapter's name.

    Returns:
        float32 (E, E) in [-1, 1], ones on the diagonal; zeros off it while B is zero.

    Raises:
        ValueError: if the layer has no such adapter.
    """
    if adapter not in layer.molre_A:
        raise ValueError(f"{layer.name} has no adapter {adapter!r}.")
    a, b = layer.molre_A[adapter].weight, layer.molre_B[adapter].weight
    return update_similarity(a.flatten(1), b.flatten(1), layer.configs[adapter].num_experts)


def summary(gates: Mapping[str, Tensor]) -> dict[str, dict[str, Any]]:
    """Entropy, mean load and collapse of each layer, as plain numbers.

    Args:
        gates: of :func:`gates`, over as many inputs as possible.
    """
    return {
        name: {
            "entropy": float(gate_entropy(g)),
            "mean_load": mean_load(g).tolist(),
            "collapsed": collapsed(g),
        }
        for name, g in gates.items()
    }
