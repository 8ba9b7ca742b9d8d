"""What a backbone is, found out before any scan is read: size, contract, which arms it can have.

Runs in a process of its own, since it loads the weights: what is missing or damaged is known in
seconds, and a network too large for the memory takes only that process with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from molre.arms.arms import ARMS
from molre.backbones import catalogue
from molre.benchmark.config import BackboneChoice
from molre.errors import NotApplicable
from molre.training.config import TrainConfig


@dataclass(frozen=True)
class BackboneFacts:
    """What is known of a backbone.

    Attributes:
        name: as its runs call it, see ``Backbone.name``.
        slot: in the table.
        kind: ``2d`` or ``3d``.
        parameters: of the network.
        dim: width of the embedding.
        contract: plain values.
        reasons: placement, then arm: why an arm is not applicable; those that are, are absent.
    """

    name: str
    slot: str
    kind: str
    parameters: int
    dim: int
    contract: dict[str, Any]
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def look(choice: BackboneChoice, configs: Mapping[str, TrainConfig]) -> BackboneFacts:
    """Load a backbone and say what it is.

    Args:
        choice: the backbone.
        configs: a run's configuration for each placement, for the budget and sizes.

    Raises:
        MolreError: unknown, weights missing, without consent, or unfit.
    """
    backbone = choice.request().load()
    return BackboneFacts(
        name=backbone.name,
        slot=slot_of(choice),
        kind=backbone.kind,
        parameters=sum(p.numel() for p in backbone.parameters()),
        dim=backbone.dim,
        contract=backbone.contract.to_dict(),
        reasons=reasons(backbone.network, backbone.from_scratch, configs),
    )


def slot_of(choice: BackboneChoice) -> str:
    """The configuration's word for it, else the catalogue's."""
    preset = catalogue.presets().get(choice.backbone)
    return choice.slot or (preset.slot if preset is not None else "")


def reasons(
    network: nn.Module, from_scratch: bool, configs: Mapping[str, TrainConfig]
) -> dict[str, dict[str, str]]:
    """Why arms are not applicable to a network; it may be on the meta device.

    Args:
        network: not adapted.
        from_scratch: it has no weights.
        configs: a run's configuration for each placement.
    """
    found: dict[str, dict[str, str]] = {}
    for placement, config in configs.items():
        for arm, entry in ARMS.items():
            if placement not in entry.placements:
                continue
            try:
                entry.sites(network, config, from_scratch=from_scratch)
            except NotApplicable as error:
                found.setdefault(placement, {})[arm] = error.what
    return found
