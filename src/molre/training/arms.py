"""The arms: what is compared, and which question each answers. A dict; a new arm is an entry."""

from __future__ import annotations

from dataclasses import dataclass

from molre.errors import MolreError, did_you_mean
from molre.model.build import AdapterKind


@dataclass(frozen=True)
class Arm:
    """One way to adapt a frozen backbone.

    Attributes:
        adapter: the slice adapter at placement ``slice``.
        question: what comparing with it answers.
        placements: where it can be placed.
        random_router: the router is frozen at random weights (mean entropy 0.7 of its maximum).
    """

    adapter: AdapterKind
    question: str
    placements: tuple[str, ...] = ("slice",)
    random_router: bool = False


ARMS: dict[str, Arm] = {
    "frozen": Arm("none", "the backbone as it is"),
    "mlp_matched": Arm("bottleneck", "is it only a nonlinearity? (equal parameters)"),
    "molre": Arm("molre", "the method"),
    "molre_random_router": Arm("molre", "is it the learnt routing?", random_router=True),
    "molre_shuffled": Arm("molre_shuffled", "is it this slice's routing? (another slice's gates)"),
}


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
