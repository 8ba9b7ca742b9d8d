"""Layers and weights that a model holds in two places.

One layer under two names is one layer: were it adapted under the first name only, calls by the
second would bypass the adapter. One weight in two layers (an embedding and the language model's
head) cannot be merged into for one of them.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from molre.adapter.routed_layer import MoLRELayer


def everywhere(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put ``new`` where ``old`` still stands, except inside of ``new`` itself.

    Args:
        model: holds both.
        old: a layer.
        new: what stands for it.
    """
    inside = set(new.modules())
    for module in list(model.modules()):
        if module in inside:
            continue
        for name, child in list(module._modules.items()):
            if child is old:
                module._modules[name] = new


def check_mergeable(model: nn.Module) -> None:
    """Refuse to merge where the base weight cannot take it, or is another layer's as well.

    Args:
        model: holds the adapted layers.

    Raises:
        ValueError: naming the layer; nothing is changed.
    """
    holders: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        for parameter in module._parameters.values():
            if parameter is not None:
                holders.setdefault(id(parameter), []).append(name.removesuffix(".base_layer"))
    for name, layer in model.named_modules():
        if not isinstance(layer, MoLRELayer) or layer.quantization_backend is not None:
            continue
        weight: Any = layer.get_base_layer().weight
        if not weight.is_floating_point():
            raise ValueError(
                f"{name} keeps its weight as {str(weight.dtype).removeprefix('torch.')}, which "
                "cannot hold what the adapter adds: it cannot be merged. Keep it beside the model."
            )
        others = [other for other in holders.get(id(weight), []) if other != name]
        if others:
            raise ValueError(
                f"the weight of {name} is that of {others[0]} as well, and merging would change "
                "both: it cannot be merged. Keep it beside the model, or give the layer a "
                "weight of its own."
            )
