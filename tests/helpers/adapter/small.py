"""The smallest adapted model, for tests that start processes: it imports little."""

from __future__ import annotations

from typing import Any

import torch
from peft import get_peft_model
from torch import Tensor, nn

from molre.adapter import MoLREConfig

SIZES: dict[str, Any] = {"r": 2, "num_experts": 3, "router_dim": 4}


class Mlp(nn.Module):
    """No attention, no tokens, no configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 12)
        self.second = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu())


def wake(model: nn.Module, seed: int = 2) -> Any:
    """Give every adapter weight, the router's too, a value of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "molre_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def adapter_weights(model: nn.Module) -> dict[str, Tensor]:
    return {n: p.detach().clone() for n, p in model.named_parameters() if "molre_" in n}


def small() -> Any:
    torch.manual_seed(0)
    return wake(get_peft_model(Mlp(), MoLREConfig(target_modules=["first", "second"], **SIZES)))


def step(model: nn.Module, x: Tensor) -> None:
    model(x).square().mean().backward()
