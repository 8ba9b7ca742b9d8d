"""What an arm is: its role in a comparison, what it adds and where, its cost, its look in charts.

Nothing here imports torch, so that tables and verdicts can ask an arm without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from molre.errors import NotApplicable

if TYPE_CHECKING:
    from torch import nn

    from molre.arms.sites import Sites

PLACEMENTS = ("slice", "blocks")
Role = Literal["frozen", "baseline", "capacity control", "routing control", "method", "ceiling"]
ROLES: tuple[Role, ...] = get_args(Role)  # as tables have them
RIVALS: tuple[Role, ...] = ROLES[1:4]  # what the method must be above before a gain is its own
LAST_BLOCKS, WHOLE = 1.5, 3.0  # passes of the backbone that a training step costs
FROM_SCRATCH = (
    "it has no weights for an arm to adapt and no attention pooling for a router to follow: it "
    "is trained from scratch, by full"
)


class Sizes(Protocol):
    """What sizes the experts and their router."""

    @property
    def num_experts(self) -> int:
        """E."""
        ...

    @property
    def r(self) -> int:
        """Rank of each expert."""
        ...

    @property
    def scaling(self) -> float:
        """What the sum of the gated experts is multiplied by, alpha / r."""
        ...

    @property
    def router_hidden(self) -> int:
        """Hidden width of the router."""
        ...


class Settings(Sizes, Protocol):
    """What of a run's configuration sizes and places an arm."""

    @property
    def placement(self) -> str:
        """``slice`` or ``blocks``."""
        ...

    @property
    def budget(self) -> float:
        """Share of the backbone's parameters that MoLRE may add in its blocks."""
        ...


class SliceSizes(Sizes, Protocol):
    """What sizes a slice adapter: the architecture that a model folder keeps."""

    @property
    def dim(self) -> int:
        """D, width of a slice embedding."""
        ...

    @property
    def bank_size(self) -> int:
        """Stored slices of the shuffled control."""
        ...


@dataclass(frozen=True)
class SliceAdapter:
    """What an arm adds to a slice embedding, at placement ``slice``.

    Attributes:
        kind: what ``model.json`` calls it.
        build: the module at its start, weights drawn from torch's generator; see
            :mod:`molre.arms.slice_adapter`.
    """

    kind: str
    build: Callable[[SliceSizes], nn.Module]


@dataclass(frozen=True)
class BlocksAdapter:
    """What an arm adds inside the backbone, at placement ``blocks``.

    Attributes:
        kind: what ``model.json`` calls it.
        sites: the layers that it adapts in a network, given the names of the modules that a
            forward pass calls, or None where it was not run; raises NotApplicable.
        peft: the adapter's configuration as peft takes and writes it, without the layers; None
            where none is added.
        whole: all of the backbone is trained.
        passes: of the backbone, that a training step costs.
    """

    kind: str
    sites: Callable[[nn.Module, Settings, Collection[str] | None], Sites]
    peft: Callable[[Settings], dict[str, Any]] | None = None
    whole: bool = False
    passes: float = LAST_BLOCKS

    @property
    def trains(self) -> bool:
        """Whether anything of the backbone changes in training."""
        return self.whole or self.peft is not None


@dataclass(frozen=True)
class Arm:
    """One way to adapt a frozen backbone.

    Attributes:
        role: what it is compared for: verdicts, families and the order of tables follow from it.
        plain: what it is, in the words of a sentence.
        question: what comparing with it answers.
        slice: what it adds at placement ``slice``; None where it has no such placement.
        blocks: what it adds at placement ``blocks``; None likewise.
        router: where its gates come from: ``learned``; ``random``, a router frozen at random
            weights (mean entropy 0.7 of its maximum); ``shuffled``, the context of another slice.
            None where nothing is routed.
        share: of the method's parameters, as usual, where sentences tell the arm's own share.
        color: in charts, a name of :data:`molre.output.charts.COLORS`; None: the next that is free.
        marker: in charts, as matplotlib has them.
    """

    role: Role
    plain: str
    question: str
    slice: SliceAdapter | None = None
    blocks: BlocksAdapter | None = None
    router: Literal["learned", "random", "shuffled"] | None = None
    share: float | None = None
    color: str | None = None
    marker: str = "o"

    @property
    def placements(self) -> tuple[str, ...]:
        """Where it can be placed."""
        places = {"slice": self.slice, "blocks": self.blocks}
        return tuple(name for name, adapter in places.items() if adapter is not None)

    def inside(self, placement: str) -> BlocksAdapter | None:
        """What it adds in the backbone; None where it works on the embeddings of a frozen one."""
        trains = placement == "blocks" and self.blocks is not None and self.blocks.trains
        return self.blocks if trains else None

    def sites(
        self,
        network: nn.Module,
        settings: Settings,
        *,
        from_scratch: bool = False,
        called: Collection[str] | None = None,
    ) -> Sites:
        """The layers that it adapts: whether it is applicable to a network, and where.

        Args:
            network: not adapted; it may be on the meta device.
            settings: of the run.
            from_scratch: the network has no weights.
            called: names of the modules that a forward pass calls; None where it was not run.

        Raises:
            NotApplicable: in one sentence, why it is not.
        """
        from molre.arms.sites import NOWHERE

        inside = self.inside(settings.placement)
        if from_scratch and not (inside is not None and inside.whole):
            raise NotApplicable(FROM_SCRATCH, fix="choose --arm full")
        return NOWHERE if inside is None else inside.sites(network, settings, called)

    def named(self, added: int | None, of_method: int | None) -> str:
        """What it is, in words.

        Args:
            added: parameters that it adds, where known.
            of_method: those that the method adds.
        """
        if self.share is None:
            return self.plain
        known = f"{100 * added / of_method:.0f} %" if added and of_method else None
        return f"{self.plain} ({known or f'about {100 * self.share:.0f} %'} of the parameters)"
