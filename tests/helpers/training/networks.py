"""Small networks on which a head is trained end to end, as at placement ``blocks``."""

from __future__ import annotations

import torch
from torch import nn

from molre.arms.arms import ARMS
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.model.adapted_backbone import adapt
from molre.model.classifier import HeadCTClassifier
from molre.training.config import TrainConfig
from molre.training.placements.end_to_end import BlocksClassifier
from tests.helpers.training.scans import DIM, K


def on_network(kind: str) -> BlocksClassifier:
    """A head on a linear layer, or on one with batch norm that is trained from scratch."""
    torch.manual_seed(0)
    if kind == "batch_norm":
        network = nn.Sequential(nn.Linear(DIM, DIM), nn.BatchNorm1d(DIM), nn.Tanh())
        return with_head(network, lambda net: None)
    return with_head(nn.Sequential(nn.Linear(DIM, DIM), nn.Tanh()))


def with_head(network: nn.Module, start: object = None) -> BlocksClassifier:
    """A head whose weights are no longer zero, on a network that is trained as a whole."""
    backbone = Backbone(
        "tiny",
        network,
        lambda net, slices: Features(None, net(slices)),
        dim=DIM,
        contract=Contract(size=16),
        weights=Weights(id="tiny", sha256="0"),
        start=start,  # type: ignore[arg-type]
    )
    adapted = adapt(backbone, ARMS["full"], TrainConfig(placement="blocks"))
    head = HeadCTClassifier(DIM, K, dropout=0.1)
    torch.manual_seed(1)
    nn.init.normal_(head.pooling.query)
    nn.init.normal_(head.pooling.weight)
    return BlocksClassifier(adapted, head, lambda x: Features(None, network(x)), 128)
