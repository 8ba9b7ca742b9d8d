"""What a placement gives the search for a learning rate, and what it ends with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from molre.model.classifier import HeadCTClassifier
from molre.training.checkpoint import Progress
from molre.training.data import Loader
from molre.training.run_context import RunContext, TrainedBlocks


class Placement(Protocol):
    """What the search for a learning rate needs of a placement."""

    def model(self) -> nn.Module:
        """A model at its start, the same one for every learning rate."""
        ...

    def loader(self, split: str) -> Loader:
        """Batches of a split."""
        ...

    def finish(self, progress: Progress, run: Path) -> Finished:
        """The model with the weights of a fit's best epoch, and what its results are made from.

        Args:
            progress: of the best fit.
            run: the run folder.
        """
        ...


@dataclass(frozen=True)
class Finished:
    """What a placement ends with.

    Attributes:
        context: whose embeddings the classifier is given.
        classifier: with the weights of the best epoch.
        blocks: what was trained inside the backbone, at placement ``blocks``.
    """

    context: RunContext
    classifier: HeadCTClassifier
    blocks: TrainedBlocks | None = None
