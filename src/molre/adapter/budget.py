"""How many of the last blocks can be adapted under a share of the model's parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from molre.adapter.config import MoLREConfig


@dataclass(frozen=True)
class Placement:
    """The targets in the last k blocks that a budget allows.

    Attributes:
        targets: names of the modules to adapt.
        blocks: k.
        added: parameters that adapting them adds.
        share: ``added`` over the base model's parameters.
    """

    targets: tuple[str, ...]
    blocks: int
    added: int
    share: float


def place(model: nn.Module, targets: Iterable[str], config: MoLREConfig) -> Placement:
    """Take blocks from the last one backwards as long as the budget holds.

    Args:
        model: the base model, without adapters.
        targets: every module that the configuration's names match, in the model's order.
        config: its ``budget`` is the share.

    Returns:
        the placement with the largest k.

    Raises:
        ValueError: if no target lies in a block, or not even the last block fits.
    """
    assert config.budget is not None
    by_block: dict[str, list[str]] = {}
    for target in targets:
        block = block_of(model, target)
        if block is not None:
            by_block.setdefault(block, []).append(target)
    if not by_block:
        raise ValueError(
            "budget counts from the last block, but no target module is in a list of blocks: "
            "omit budget and name the target_modules."
        )
    total = _parameters(model)
    chosen: list[str] = []
    added = blocks = 0
    for block in reversed(by_block):
        cost = sum(added_parameters(model.get_submodule(t), config) for t in by_block[block])
        if added + cost > config.budget * total:
            break
        chosen, added, blocks = by_block[block] + chosen, added + cost, blocks + 1
    if not blocks:
        last = next(reversed(by_block))
        raise ValueError(
            f"budget {config.budget:.2%} of {total:,} parameters is {int(config.budget * total):,},"
            f" and the last block alone ({last}) needs {cost:,} ({cost / total:.2%}): raise "
            "budget, or lower r, num_experts or router_dim."
        )
    return Placement(tuple(chosen), blocks, added, added / total)


def _parameters(model: nn.Module) -> int:
    """Parameters of the base model: no adapters, no trained copies, 4-bit weights unpacked."""
    return sum(
        p.numel() * (2 * p.element_size() if type(p).__name__ == "Params4bit" else 1)
        for name, p in model.named_parameters()
        if ".molre_" not in name and ".modules_to_save." not in name
    )


def block_of(model: nn.Module, name: str) -> str | None:
    """The innermost repeated block that holds a module, such as ``encoder.layers.11``.

    A block is a numbered child of a container whose children are all of one class and have
    children themselves; the numbered layers of a plain ``nn.Sequential`` are not blocks.
    """
    parts = name.split(".")
    for i in range(len(parts) - 1, 0, -1):
        if not re.fullmatch(r"\d+", parts[i - 1]):
            continue
        container = model.get_submodule(".".join(parts[: i - 1]))
        children = list(container.children())
        alike = len({type(child) for child in children}) == 1
        if alike and all(any(True for _ in child.children()) for child in children):
            return ".".join(parts[:i])
    return None


def added_parameters(base: Any, config: MoLREConfig) -> int:
    """Parameters that adapting a layer adds: experts and router."""
    base = getattr(base, "base_layer", base)  # it may hold another adapter already
    weight = base.weight
    if hasattr(base, "in_channels"):
        d_in, d_out = base.in_channels, base.out_channels
        kernel = weight[0, 0].numel()
    elif hasattr(base, "in_features"):
        d_in, d_out, kernel = base.in_features, base.out_features, 1
    else:
        (d_in, d_out), kernel = weight.shape, 1
    width = config.num_experts * config.r
    router = (d_in + 1) * config.router_dim + (config.router_dim + 1) * config.num_experts
    return int(width * (d_in * kernel + d_out) + (0 if config.fixed_gates else router))
