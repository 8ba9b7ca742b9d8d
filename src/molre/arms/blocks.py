"""What arms add inside a backbone: which of its layers, and what peft is asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from molre.arms.arm import WHOLE, BlocksAdapter, Settings
from molre.errors import NotApplicable

if TYPE_CHECKING:
    from torch import nn

    from molre.arms.sites import Sites

LORA_RANK = 8
FULL_LIMIT = 50_000_000  # parameters; beyond it no cohort can train all of a backbone


def last(network: nn.Module, settings: Settings, called: Collection[str] | None) -> Sites:
    """The layers of the last blocks that MoLRE's budget allows, of the LoRA arms too."""
    from molre.arms.sites import last_blocks

    sizes = settings.budget, settings.num_experts, settings.r, settings.router_hidden
    return last_blocks(network, *sizes, called)


def attention(network: nn.Module, settings: Settings, called: Collection[str] | None) -> Sites:
    """Every attention projection."""
    from molre.arms.sites import attention_projections

    return attention_projections(network, called)


def nowhere(network: nn.Module, settings: Settings, called: Collection[str] | None) -> Sites:
    """No layer."""
    from molre.arms.sites import NOWHERE

    return NOWHERE


def _small_enough(network: nn.Module, settings: Settings, called: Collection[str] | None) -> Sites:
    count = sum(p.numel() for p in network.parameters())
    if count > FULL_LIMIT:
        raise NotApplicable(
            f"full trains all of its {count / 1e6:.0f} M parameters, which molre does up to "
            f"{FULL_LIMIT / 1e6:.0f} M",
            fix="choose another arm (`molre list arms`)",
        )
    return nowhere(network, settings, called)


def plain_rank(settings: Settings) -> int:
    """Rank of a LoRA as it is commonly used: 8, or an expert's where that is larger."""
    return max(LORA_RANK, settings.r)


def summed_rank(settings: Settings) -> int:
    """Rank of all experts together."""
    return settings.num_experts * settings.r


def routed_alpha(settings: Settings) -> float:
    """MoLRE's own: a LoRA of rank E * r is then exactly MoLRE with uniform gates."""
    return settings.scaling * settings.r


def lora(
    kind: str,
    rank: Callable[[Settings], int],
    alpha: Callable[[Settings], float] | None = None,
    **more: Any,
) -> BlocksAdapter:
    """A LoRA.

    Args:
        kind: what ``model.json`` calls it.
        rank: of the settings.
        alpha: of the settings, its update is scaled by alpha over its rank; None: its rank.
        more: fields of :class:`BlocksAdapter`.
    """

    def peft(settings: Settings) -> dict[str, Any]:
        return {"peft_type": "LORA", "r": rank(settings), "lora_alpha": (alpha or rank)(settings)}

    return BlocksAdapter(kind, **({"sites": last} | more), peft=peft)


def molre(kind: str, *, train_router: bool = True) -> BlocksAdapter:
    """MoLRE.

    Args:
        kind: what ``model.json`` calls it.
        train_router: False leaves the router as it was drawn.
    """

    def peft(settings: Settings) -> dict[str, Any]:
        return {
            "peft_type": "MOLRE",
            "r": settings.r,
            "num_experts": settings.num_experts,
            "alpha": routed_alpha(settings),
            "router_dim": settings.router_hidden,
            "train_router": train_router,
        }

    return BlocksAdapter(kind, last, peft)


NOTHING = BlocksAdapter("none", nowhere)
FULL = BlocksAdapter("full", _small_enough, whole=True, passes=WHOLE)
