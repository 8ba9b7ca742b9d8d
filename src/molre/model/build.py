"""From a few numbers to a classifier: what a model folder must know to be built again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from molre.model.classifier import HeadCTClassifier
from molre.model.slice_adapter import (
    Bottleneck,
    MoLRESlices,
    NoAdapter,
    ShuffledMoLRESlices,
    bottleneck_width,
)

AdapterKind = Literal["none", "bottleneck", "molre", "molre_shuffled"]


class ClassifierSpec(BaseModel):
    """Architecture of a :class:`HeadCTClassifier`.

    ``dim`` is D, ``findings`` K; ``bank_size`` counts the shuffled control's stored slices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int
    findings: int
    adapter: AdapterKind = "none"
    num_experts: int = 6
    r: int = 8
    router_hidden: int = 32
    shared_query: bool = False
    dropout: float = 0.3
    bank_size: int = 512


def _bottleneck(spec: ClassifierSpec) -> nn.Module:
    width = bottleneck_width(spec.dim, spec.num_experts, spec.r, spec.router_hidden)
    return Bottleneck(spec.dim, width)


def _molre(spec: ClassifierSpec) -> nn.Module:
    return MoLRESlices(spec.dim, spec.num_experts, spec.r, spec.router_hidden)


def _shuffled(spec: ClassifierSpec) -> nn.Module:
    bank = torch.zeros(spec.bank_size, spec.dim)
    return ShuffledMoLRESlices(spec.dim, bank, spec.num_experts, spec.r, spec.router_hidden)


_ADAPTERS: dict[AdapterKind, Callable[[ClassifierSpec], nn.Module]] = {
    "none": lambda spec: NoAdapter(),
    "bottleneck": _bottleneck,
    "molre": _molre,
    "molre_shuffled": _shuffled,
}


def build_classifier(spec: ClassifierSpec) -> HeadCTClassifier:
    """A fresh classifier, weights drawn from torch's global generator.

    The head is drawn before the adapter, so that arms of one seed start with the same head and can
    be compared in pairs.
    """
    classifier = HeadCTClassifier(spec.dim, spec.findings, None, spec.shared_query, spec.dropout)
    classifier.adapter = _ADAPTERS[spec.adapter](spec)
    return classifier
