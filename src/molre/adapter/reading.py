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
from molre.adapter.running import counting, never_called


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
        for each layer float32 (batch, E), or (batch, tokens, E) with ``gate_mode='token'``; of a
        layer that is called several times one call after the other. Where several adapters are
        active, or ``adapter_names`` gives each item its own, one entry for each of them, named
        ``layer:adapter``, with the items that it works on. Layers of a part of the model that is
        not run, or run without an active adapter, are absent.

    Raises:
        ValueError: if the model has no MoLRE layers, none of them ran, or one was left out by the
            module that holds it.
    """
    whole: Any = getattr(model, "_orig_mod", model)
    found = layers(whole)
    holders = {name.rpartition(".")[0]: None for name in found}
    watched = {**found, **{name: whole.get_submodule(name) for name in holders}}
    with noting(found, kwargs.get("adapter_names") is not None) as seen, counting(watched) as calls:
        whole(*args, **kwargs)
        noted = seen()
    ran = {name for name, layer in found.items() if calls[name]}
    ran |= {name.rpartition(":")[0] for name in noted} | set(noted)
    idle = [name for name in found if name not in ran]
    left_out = [name for name in idle if calls[name.rpartition(".")[0]]]
    if left_out or len(idle) == len(found):
        raise never_called(whole, left_out or idle, len(found))
    return noted


@torch.no_grad()
def contexts(model: nn.Module, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    """Run the model once and return what the router of each layer saw: its own input, pooled.

    Args:
        model: an adapted model with ``gate_mode`` ``mean`` or ``cls``; its active adapter is read.
        args: what the model is called with.
        kwargs: the same.

    Returns:
        for each layer that was run with an active adapter that routes, (batch, d_in).

    Raises:
        ValueError: if the model has no MoLRE layers, or if several adapters are active whose
            routers see different things.
    """
    if kwargs.get("adapter_names") is not None:
        raise ValueError(
            "contexts reads one adapter at a time: use set_adapter, not adapter_names."
        )
    whole: Any = getattr(model, "_orig_mod", model)
    found = layers(whole)
    seen: dict[str, list[Tensor]] = {name: [] for name in found}
    handles = [m.register_forward_pre_hook(_seeing(seen[name])) for name, m in found.items()]
    try:
        whole(*args, **kwargs)
    finally:
        for handle in handles:
            handle.remove()
    return {name: torch.cat(parts) for name, parts in seen.items() if parts}


def _seeing(parts: list[Tensor]) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def see(module: nn.Module, args: tuple[Any, ...]) -> None:
        assert isinstance(module, MoLRELayer)
        routers = module.routers()
        modes = {module.configs[adapter].gate_mode for adapter in routers}
        if len(modes) > 1:
            raise ValueError(
                f"{' and '.join(routers)} are active and route by different things "
                f"({', '.join(sorted(modes))}): set_adapter to one of them."
            )
        if routers:
            parts.append(module.context(args[0], routers[0]))

    return see


@contextmanager
def noting(
    found: Mapping[str, MoLRELayer], by_adapter: bool = False
) -> Iterator[Callable[[], dict[str, Tensor]]]:
    """Let layers note their gates; yields what returns those noted so far, as :func:`gates`.

    Args:
        found: layers by name.
        by_adapter: name the adapter even where there is one.
    """
    for layer in found.values():
        layer.seen_gates, layer.seen_of = [], []
    try:
        yield lambda: dict(_noted(found, by_adapter))
    finally:
        for layer in found.values():
            layer.seen_gates = None


def _noted(found: Mapping[str, MoLRELayer], by_adapter: bool) -> Iterator[tuple[str, Tensor]]:
    for name, layer in found.items():
        adapters = list(dict.fromkeys(layer.seen_of))
        for adapter in adapters:
            noted = zip(layer.seen_gates or [], layer.seen_of, strict=True)
            parts = [gates for gates, of in noted if of == adapter]
            alone = len(adapters) == 1 and not by_adapter
            yield (name if alone else f"{name}:{adapter}"), torch.cat(parts)


@contextmanager
def routed_by(model: nn.Module, contexts: Mapping[str, Tensor]) -> Iterator[None]:
    """Let routers see other contexts than their layers' own inputs, for a control or for windows.

    Keep the block open until after ``backward``: gradient checkpointing runs the forward again.

    Args:
        model: an adapted model.
        contexts: layer name to (batch, d_in); layers that are not named keep their own.

    Raises:
        ValueError: if a name is not an adapted layer.
    """
    found = layers(model)
    unknown = sorted(set(contexts) - set(found))
    if unknown:
        raise ValueError(f"{unknown[0]} is not an adapted layer: there are {', '.join(found)}.")
    with rerouted(found, contexts):
        yield


@contextmanager
def rerouted(found: Mapping[str, MoLRELayer], contexts: Mapping[str, Tensor]) -> Iterator[None]:
    """As :func:`routed_by`, for layers in memory.

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
