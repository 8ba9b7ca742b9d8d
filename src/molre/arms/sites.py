"""Which layers of a backbone the arms adapt at placement ``blocks``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from torch import nn

from molre.errors import NotApplicable
from molre.progress import say

SECOND_LAYERS = (".fc2", ".down_proj", ".linear2")


@dataclass(frozen=True)
class Sites:
    """Layers to adapt.

    Attributes:
        layers: names within the network, in its order.
        first_block: the first block that holds one; nothing before it changes. None where the
            layers do not lie in blocks.
        blocks: how many blocks hold them.
    """

    layers: tuple[str, ...]
    first_block: str | None
    blocks: int


NOWHERE = Sites((), None, 0)


def last_blocks(
    network: nn.Module,
    budget: float,
    num_experts: int,
    r: int,
    router_hidden: int,
    called: Collection[str] | None = None,
) -> Sites:
    """The layers of the last k blocks, k the largest at which MoLRE stays under the budget.

    Query and value projections (fused with the keys' where a network fuses them); where attention
    works in windows folded into the batch, reads its projections' weights without calling them
    (timm's EvaAttention and BEiT), or there is none, the MLPs' layers, or only their second ones
    where both are too many for the last block (DaViT's is 2048 wide); in a convolutional network
    the 1 x 1 convolutions, in a residual 3D one without these those of its blocks.
    The LoRA arms use the same layers.

    Args:
        network: not adapted yet.
        budget: share of its parameters.
        num_experts: E.
        r: rank of each expert.
        router_hidden: hidden width of the router.
        called: names of all modules that a forward pass calls; None where it was not run.

    Raises:
        NotApplicable: not even one block fits, or the network has no such layer.
    """
    from molre.adapter.budget import block_of, place
    from molre.adapter.config import MoLREConfig

    config = MoLREConfig(r=r, num_experts=num_experts, router_dim=router_hidden, budget=budget)
    try:
        candidates = _candidates(network, called)
        try:
            placement = place(network, candidates, config)
        except ValueError:
            seconds = [name for name in candidates if name.endswith(SECOND_LAYERS)]
            if not seconds:
                raise
            placement = place(network, seconds, config)
    except ValueError as error:
        raise NotApplicable(
            str(error), where="placement blocks", fix="or use --placement slice"
        ) from None
    first = block_of(network, placement.targets[0])
    return Sites(placement.targets, first, placement.blocks)


def attention_projections(network: nn.Module, called: Collection[str] | None = None) -> Sites:
    """Every linear layer of every attention module (the arm ``lora_all``).

    Where the blocks hold attention, only theirs: a pooling head behind them (SigLIP's) is none of
    its kind, and its torch attention reads a projection's weight without ever calling it.

    Args:
        network: not adapted yet.
        called: as in :func:`last_blocks`.

    Raises:
        NotApplicable: the network has no attention, or does not call its projections.
    """
    from molre.adapter.budget import block_of
    from molre.adapter.windows import in_attention

    layers = {
        name: block_of(network, name)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and in_attention(network, name)
    }
    if any(layers.values()):
        layers = {name: block for name, block in layers.items() if block is not None}
    if not layers:
        raise NotApplicable(
            "this network has no attention projections",
            fix="choose another arm (`molre list arms`)",
        )
    bypassed = _bypassed(network, list(layers), called)
    if bypassed:
        raise NotApplicable(
            f"{_reads(network, bypassed[0])}, so an adapter there would do nothing",
            fix="choose another arm (`molre list arms`)",
        )
    blocks = list(dict.fromkeys(layers.values()))
    return Sites(tuple(layers), blocks[0], len(blocks))


def _candidates(network: nn.Module, called: Collection[str] | None) -> list[str]:
    from molre.adapter.windows import check_target

    names = [name for name, module in network.named_modules() if not list(module.children())]
    for fits in _CHOICES:
        chosen = [name for name in names if fits(name, network.get_submodule(name))]
        try:
            for name in chosen:
                check_target(network, name, "mean")
        except ValueError:
            continue
        bypassed = _bypassed(network, chosen, called)
        if bypassed:
            say(f"{_reads(network, bypassed[0])}: other layers are adapted instead")
            continue
        chosen = [name for name in chosen if called is None or name in called]
        if chosen:
            return chosen
    raise ValueError("this network has no layer that MoLRE adapts by default")


def _bypassed(network: nn.Module, names: list[str], called: Collection[str] | None) -> list[str]:
    """Layers that are not called though the block around them is."""
    from molre.adapter.budget import block_of

    if called is None:
        return []
    return [n for n in names if n not in called and (block_of(network, n) or n) in called]


def _reads(network: nn.Module, name: str) -> str:
    parent, _, leaf = name.rpartition(".")
    kind = type(network.get_submodule(parent)).__name__
    return f"{kind} ({parent}) reads {leaf}.weight directly and never calls {leaf}"


def _ends(*ends: str) -> Callable[[str, nn.Module], bool]:
    return lambda name, m: isinstance(m, nn.Linear) and name.rsplit(".", 1)[-1] in ends


def _pointwise(name: str, module: nn.Module) -> bool:
    return (
        isinstance(module, (nn.Conv2d, nn.Conv3d))
        and all(k == 1 for k in module.kernel_size)
        and module.groups == 1
    )


def _residual(name: str, module: nn.Module) -> bool:
    """The two convolutions of a residual block of a 3D network."""
    wide = isinstance(module, nn.Conv3d) and module.groups == 1
    return wide and name.rsplit(".", 1)[-1] in ("conv1", "conv2")


_CHOICES = (
    _ends("q_proj", "v_proj", "query", "value", "qkv"),
    _ends("fc1", "fc2", "up_proj", "down_proj", "linear1", "linear2"),
    _pointwise,
    _residual,
)
