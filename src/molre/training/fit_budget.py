"""How long a fit may take: steps, so that small and large cohorts train equally long.

An epoch of 60 studies is two steps and one of 60,000 nearly two thousand: a number of epochs that
lets the one converge is an hour too long for the other, and arms that need more steps than others
would be judged by the size of the cohort.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from molre.training.config import TrainConfig

LEAST_EPOCHS, LEAST_PATIENCE = 10, 5  # of a large cohort, however many steps those are


@dataclass(frozen=True)
class FitBudget:
    """What a fit at one learning rate may take.

    Attributes:
        epochs: at most.
        patience: epochs without a better tune AUC, after which it ends.
    """

    epochs: int
    patience: int

    @classmethod
    def of(cls, config: TrainConfig, studies: int) -> FitBudget:
        """Of a run: what the configuration says in epochs, or else in steps.

        Args:
            config: of the run.
            studies: that it trains on.
        """
        steps = max(1, math.ceil(studies / config.batch_size))
        return cls(
            config.max_epochs or max(LEAST_EPOCHS, math.ceil(config.max_steps / steps)),
            config.patience or max(LEAST_PATIENCE, math.ceil(config.patience_steps / steps)),
        )
