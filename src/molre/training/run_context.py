"""What a training run works on, and what its search ends with."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from molre.arms.arm import Arm
from molre.backbones.backbone import Backbone
from molre.cohort.cohort import Cohort
from molre.labels.findings import FindingsTable
from molre.model.adapted_backbone import AdaptedBackbone
from molre.model.build import ClassifierSpec
from molre.model.classifier import HeadCTClassifier
from molre.training.checkpoint import Progress, Row
from molre.training.config import TrainConfig
from molre.training.data import Inputs, Loader
from molre.training.load_splits import Splits
from molre.training.parallel.distributed import ALONE, Ranks


@dataclass(frozen=True)
class BestFit:
    """The best fit of the learning-rate grid.

    Attributes:
        classifier: with the best epoch's weights.
        rate: the learning rate.
        progress: of that fit.
        history: of all fits.
        rates: best tune AUC of every rate tried; minus infinity where the loss was not finite.
        blocks: what was trained inside the backbone, at placement ``blocks``.
    """

    classifier: HeadCTClassifier
    rate: float
    progress: Progress
    history: list[Row]
    rates: dict[float, float]
    blocks: TrainedBlocks | None = None


@dataclass(frozen=True)
class TrainedBlocks:
    """What a run at placement ``blocks`` adds to a head.

    Attributes:
        adapted: the backbone.
        gates: of the test split's slices, study after study, float32 (slices, L, E) of L routed
            layers; None where the arm has no router.
    """

    adapted: AdaptedBackbone
    gates: Tensor | None


@dataclass(frozen=True)
class RunContext:
    """What a run works on; ``ranks`` are the processes that work on it together."""

    config: TrainConfig
    arm: Arm
    cohort: Cohort
    backbone: Backbone
    cache: Inputs
    table: FindingsTable
    splits: Splits
    ranks: Ranks = ALONE

    def loader(self, split: str) -> Loader:
        """Batches of one split."""
        config = self.config
        return Loader(self.cache, self.splits[split], config.batch_size, config.seed, self.ranks)

    @property
    def spec(self) -> ClassifierSpec:
        """Architecture of the classifier."""
        c, at_slice = self.config, self.config.placement == "slice"
        return ClassifierSpec(
            dim=self.backbone.dim,
            findings=len(self.splits.findings),
            adapter=self.arm.slice.kind if at_slice and self.arm.slice else "none",
            num_experts=c.num_experts,
            r=c.r,
            router_hidden=c.router_hidden,
            shared_query=c.shared_query,
            dropout=c.dropout,
        )
