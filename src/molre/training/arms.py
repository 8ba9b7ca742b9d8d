"""The arms: what is compared, and which question each answers. A dict; a new arm is an entry."""

from __future__ import annotations

from dataclasses import dataclass

from molre.errors import MolreError, did_you_mean
from molre.model.adapted_backbone import BlocksKind
from molre.model.build import AdapterKind


@dataclass(frozen=True)
class Arm:
    """One way to adapt a frozen backbone.

    Attributes:
        question: what comparing with it answers.
        slice: the slice adapter at placement ``slice``; None where the arm has no such placement.
        blocks: what adapts the backbone at placement ``blocks``; None likewise.
        random_router: the router is frozen at random weights (mean entropy 0.7 of its maximum).
    """

    question: str
    slice: AdapterKind | None = None
    blocks: BlocksKind | None = None
    random_router: bool = False

    @property
    def placements(self) -> tuple[str, ...]:
        """Where it can be placed."""
        places = {"slice": self.slice, "blocks": self.blocks}
        return tuple(name for name, kind in places.items() if kind is not None)


ARMS: dict[str, Arm] = {
    "frozen": Arm("the backbone as it is", "none", "none"),
    "lora": Arm("is it more than a plain adapter of one expert's rank?", blocks="lora"),
    "lora_matched": Arm(
        "does routing beat plain rank? (rank E * r: what uniform gates are)", blocks="lora_matched"
    ),
    "lora_all": Arm("the usual strong baseline: every attention projection", blocks="lora_all"),
    "mlp_matched": Arm("is it only a nonlinearity? (equal parameters)", "bottleneck"),
    "molre": Arm("the method", "molre", "molre"),
    "molre_random_router": Arm("is it the learnt routing?", "molre", "molre", random_router=True),
    "molre_shuffled": Arm(
        "is it this slice's routing? (another slice's gates)", "molre_shuffled", "molre_shuffled"
    ),
    "full": Arm("the ceiling: the whole backbone trained (small ones only)", blocks="full"),
}


def at_placement(placement: str) -> list[str]:
    """Names of the arms that a placement has."""
    return [name for name, arm in ARMS.items() if placement in arm.placements]


def get_arm(name: str, placement: str) -> Arm:
    """The arm, or a sentence naming the nearest ones.

    Raises:
        MolreError: unknown arm, or an arm that this placement does not have.
    """
    if name not in ARMS:
        raise MolreError(f"unknown arm {name!r}", fix=did_you_mean(name, ARMS))
    if placement not in ARMS[name].placements:
        raise MolreError(
            f"arm {name!r} has no placement {placement!r}",
            fix=f"choose one of {', '.join(ARMS[name].placements)} (`molre list arms`)",
        )
    return ARMS[name]
