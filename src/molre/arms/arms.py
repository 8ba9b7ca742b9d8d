"""The arms: what is compared, and which question each answers. A dict; a new arm is an entry.

Whatever another room does with an arm, it asks the arm's entry: how it is built and where, whether
a backbone can have it, which verdicts rest on it, what it costs, how it looks. Runs may name an arm
that is not here, of another version or a colleague's: it is compared and shown as one without a
role.
"""

from __future__ import annotations

from molre.arms import blocks, slices
from molre.arms.arm import RIVALS, ROLES, WHOLE, Arm, BlocksAdapter, Role, SliceAdapter
from molre.errors import MolreError, did_you_mean

ARMS: dict[str, Arm] = {
    "frozen": Arm(
        role="frozen",
        plain="the backbone as it is",
        question="the backbone as it is",
        slice=slices.NOTHING,
        blocks=blocks.NOTHING,
        color="gray",
        marker="o",
    ),
    "lora": Arm(
        role="baseline",
        plain="a plain LoRA",
        question="is it more than a plain adapter? (rank 8, or an expert's where that is larger)",
        blocks=blocks.lora("lora", blocks.plain_rank),
        color="sky",
        marker="v",
    ),
    "lora_matched": Arm(
        role="capacity control",
        plain="a LoRA of equal rank",
        share=0.75,
        question="does routing beat plain rank? (rank E * r: what uniform gates are)",
        blocks=blocks.lora("lora_matched", blocks.summed_rank, blocks.routed_alpha),
        color="red",
        marker="P",
    ),
    "lora_all": Arm(
        role="baseline",
        plain="a LoRA on every attention projection",
        question="the usual strong baseline: every attention projection",
        blocks=blocks.lora("lora_all", blocks.plain_rank, sites=blocks.attention, passes=WHOLE),
        color="ink",
        marker="X",
    ),
    "mlp_matched": Arm(
        role="capacity control",
        plain="an MLP of equal size",
        question="is it only a nonlinearity? (equal parameters)",
        slice=slices.BOTTLENECK,
        color="orange",
        marker="s",
    ),
    "molre": Arm(
        role="method",
        plain="the method",
        question="the method",
        slice=slices.MOLRE,
        blocks=blocks.molre("molre"),
        router="learned",
        color="blue",
        marker="o",
    ),
    "molre_random_router": Arm(
        role="routing control",
        plain="the random router",
        question="is it the learned routing?",
        slice=slices.MOLRE,
        blocks=blocks.molre("molre", train_router=False),
        router="random",
        color="green",
        marker="D",
    ),
    "molre_shuffled": Arm(
        role="routing control",
        plain="the shuffled router",
        question="is it this slice's routing? (another slice's gates)",
        slice=slices.SHUFFLED,
        blocks=blocks.molre("molre_shuffled"),
        router="shuffled",
        color="pink",
        marker="^",
    ),
    "full": Arm(
        role="ceiling",
        plain="the whole backbone trained",
        question="the ceiling: the whole backbone trained (small ones only)",
        blocks=blocks.FULL,
        color="ink",
        marker="*",
    ),
}


def _only(role: Role) -> str:
    (name,) = (name for name, arm in ARMS.items() if arm.role == role)
    return name


FROZEN, METHOD = _only("frozen"), _only("method")  # every other arm is compared with these


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


def role_of(name: str) -> Role | None:
    """Its role; None of an arm that is not here."""
    return ARMS[name].role if name in ARMS else None


def rank(name: str) -> tuple[int, int]:
    """Its place in tables: by role, then as the dict has them; arms that are not here come last."""
    if name not in ARMS:
        return len(ROLES), 0
    return ROLES.index(ARMS[name].role), list(ARMS).index(name)


def rivals_at(placement: str) -> tuple[str, ...]:
    """What the method must be above at a placement before a gain is put down to routing."""
    return tuple(name for name in at_placement(placement) if ARMS[name].role in RIVALS)


def slice_adapters() -> dict[str, SliceAdapter]:
    """By what ``model.json`` calls them."""
    return {arm.slice.kind: arm.slice for arm in ARMS.values() if arm.slice is not None}


def blocks_adapters() -> dict[str, BlocksAdapter]:
    """By what ``model.json`` calls them."""
    return {arm.blocks.kind: arm.blocks for arm in ARMS.values() if arm.blocks is not None}


def routed_kinds() -> set[str]:
    """What ``model.json`` calls the adapters with a router, of either placement."""
    routed = [(arm.slice, arm.blocks) for arm in ARMS.values() if arm.router is not None]
    return {adapter.kind for both in routed for adapter in both if adapter is not None}
