"""Which precision a backbone computes in: one rule, asked by embedding, training and prediction."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16"]


def precision_on(device: str | torch.device, wanted: str = "auto") -> Precision:
    """bfloat16 on CUDA, where it is twice as fast, and float32 elsewhere, unless told.

    A model keeps what it was trained with and predicts in it on any device.

    Args:
        device: torch device.
        wanted: ``float32`` or ``bfloat16`` to be told, ``auto`` for the rule.
    """
    if wanted == "bfloat16" or (wanted == "auto" and torch.device(device).type == "cuda"):
        return "bfloat16"
    return "float32"


def computing(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Where a backbone runs: torch's autocast, in which weights and norms stay in float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
