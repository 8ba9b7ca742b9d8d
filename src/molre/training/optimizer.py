"""AdamW over a model's weights, the router slower than the rest."""

from __future__ import annotations

import torch
from torch import nn

from molre.training.config import TrainConfig


def make_optimizer(model: nn.Module, config: TrainConfig, rate: float) -> torch.optim.AdamW:
    """AdamW with the router slower, and no decay on biases, the router's among them.

    Args:
        model: whose parameters that require a gradient are trained.
        config: weight decay, and the router's share of the rate.
        rate: learning rate; the first group has it.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            routes = ".router." in name or "molre_router" in name
            groups.setdefault((routes, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": rate * config.router_rate if routes else rate,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (routes, decays), parameters in sorted(groups.items(), key=_group_order)
        ],
        fused=True,
    )


def _group_order(item: tuple[tuple[bool, bool], list[nn.Parameter]]) -> tuple[bool, bool]:
    (routes, decays), _ = item
    return routes, not decays
