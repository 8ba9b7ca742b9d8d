"""Collapse while a router trains: detected in the history of a fit, reported once, kept in the
run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

from torch import Tensor, nn

from molre.adapter.collapse import (
    ALIKE,
    COLLAPSE_LOAD,
    least_similar,
    mean_load,
    update_similarity,
)
from molre.arms.slice_adapter import MoLRESlices
from molre.progress import say

IN_A_ROW = 3  # epochs; one epoch may pass through a state that the next one leaves
History = Sequence[dict[str, float | int | None]]


@dataclass(frozen=True)
class Collapse:
    """Experts that stopped being a mixture, in one fit.

    Attributes:
        learning_rate: of the fit.
        epoch: the third in a row in which it held.
        what: what held, in words.
    """

    learning_rate: float
    epoch: int
    what: str

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the manifest."""
        return asdict(self)


def router_numbers(model: nn.Module, gates: Tensor | None) -> dict[str, float | None]:
    """What is noted of the routers after an epoch; the layer that is worst off stands for all.

    Args:
        model: in training.
        gates: of the tune split's slices, float32 (slices, E) or (slices, L, E); None without
            a router.

    Returns:
        ``expert_load``, the largest mean load of one expert, and ``expert_similarity``, the
        similarity of those two experts of a layer that differ most; None without a router.
    """
    if gates is None:
        return {"expert_load": None, "expert_similarity": None}
    layers = gates.unbind(1) if gates.ndim == 3 else (gates,)
    load = max(float(mean_load(layer).max()) for layer in layers)
    alike = [least_similar(update_similarity(a, b, gates.shape[-1])) for a, b in _experts(model)]
    return {"expert_load": load, "expert_similarity": max(alike) if alike else None}


def _experts(model: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """A (E * r, d_in) and B (d_out, E * r) of each routed layer."""
    for module in model.modules():
        if isinstance(module, MoLRESlices):
            yield module.experts.a, module.experts.b
    adapted = getattr(model, "adapted", None)  # at placement blocks
    for layer in adapted.routed.values() if adapted is not None else ():
        a, b = layer.molre_A["default"].weight, layer.molre_B["default"].weight
        yield a.flatten(1), b.flatten(1)


def collapse(history: History) -> Collapse | None:
    """The first epoch of a fit by which its experts had collapsed; None if they never did.

    Collapsed means that in three epochs in a row one expert took more than 0.95 of the load on
    tune, or every two experts' updates had a cosine above 0.95.

    Args:
        history: of one fit, one row an epoch.
    """
    in_a_row = {what: 0 for what, _, _ in _SIGNS}
    for row in history:
        for what, column, limit in _SIGNS:
            value = row.get(column)
            in_a_row[what] = in_a_row[what] + 1 if value is not None and value > limit else 0
            if in_a_row[what] == IN_A_ROW:
                rate, epoch = row["learning_rate"], row["epoch"]
                assert value is not None
                assert rate is not None
                assert epoch is not None
                return Collapse(float(rate), int(epoch), what.format(value))
    return None


_SIGNS = (
    ("one expert took {:.2f} of the load", "expert_load", COLLAPSE_LOAD),
    ("all experts did the same (similarity {:.2f})", "expert_similarity", ALIKE),
)


def collapses(history: History) -> list[Collapse]:
    """Those of all fits of a run; a fit begins where the epochs restart.

    Args:
        history: of the fits, one after the other.
    """
    starts = [i for i, row in enumerate(history) if row["epoch"] == 0]
    fits = [collapse(history[a:b]) for a, b in pairwise([*starts, len(history)])]
    return [found for found in fits if found is not None]


class CollapseWarning:
    """Says once a run, on stderr, that the experts have collapsed."""

    def __init__(self) -> None:
        self.said = False

    def __call__(self, history: History) -> None:
        """Look at a fit after an epoch.

        Args:
            history: of this fit so far.
        """
        if self.said:
            return
        found = collapse(history)
        if found is None:
            return
        self.said = True
        say(
            f"warning: the experts have collapsed (learning rate {found.learning_rate:g}, epoch "
            f"{found.epoch}): {found.what} for {IN_A_ROW} epochs, so there is nothing to route "
            "between; try another learning rate or --set router_rate"
        )
