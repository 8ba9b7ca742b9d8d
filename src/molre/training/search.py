"""The search for a learning rate: a fit at each, more of them while the best is at an edge."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass

from molre.training.checkpoint import Progress, Row
from molre.training.config import TrainConfig
from molre.training.failures import NotFinite
from molre.training.rates import at_edge, best_rate, next_rate


@dataclass(frozen=True)
class Search:
    """Every fit of a run.

    Attributes:
        fits: by learning rate, in the order in which they were tried.
        scores: best tune AUC of every rate tried; minus infinity where the loss was not finite.
    """

    fits: dict[float, Progress]
    scores: dict[float, float]

    @property
    def rate(self) -> float:
        """The best on tune."""
        return best_rate(self.scores)

    @property
    def best(self) -> Progress:
        """The fit at that rate."""
        return self.fits[self.rate]

    @property
    def at_edge(self) -> bool:
        """Whether a rate beyond those that were tried could be better."""
        return at_edge(self.scores)

    @property
    def history(self) -> list[Row]:
        """Of all fits, one after the other."""
        return [row for progress in self.fits.values() for row in progress.history]


def search(fit: Callable[[float], Progress], config: TrainConfig, *, alone: bool = True) -> Search:
    """Fit at every learning rate of the grid, which widens by the rule of all arms.

    Args:
        fit: from a learning rate to how far it came.
        config: the grid, and how many rates may be tried.
        alone: one process works on it; a widened rate whose loss is not finite is then only a bad
            one, while several processes would disagree on what to do next.

    Raises:
        NotFinite: at a rate of the grid itself.
    """
    fits: dict[float, Progress] = {}
    scores: dict[float, float] = {}
    for rate in sorted(set(config.learning_rates)):
        fits[rate] = fit(rate)
        scores[rate] = fits[rate].best_auc
    while (wider := next_rate(scores, config.max_rates)) is not None:
        scores[wider] = -math.inf
        with suppress(NotFinite) if alone else nullcontext():
            fits[wider] = fit(wider)
            scores[wider] = fits[wider].best_auc
    return Search(fits, scores)
