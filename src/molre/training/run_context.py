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
from molre.training.config import TrainConfig
from molre.training.data import Inputs, Loader
from molre.training.load_splits import Splits
from molre.training.parallel.distributed import ALONE, Ranks
from molre.training.search import Search


@dataclass(frozen=True)
class BestFit:
    """The best fit of the learning-rate grid.

    Attributes:
        classifier: with the best epoch's weights.
        search: all fits.
        blocks: what was trained inside the backbone, at placement ``blocks``.
    """

    classifier: HeadCTClassifier
    search: Search
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
        return classifier_spec(self.config, self.arm, self.backbone.dim, len(self.splits.findings))


def classifier_spec(config: TrainConfig, arm: Arm, dim: int, findings: int) -> ClassifierSpec:
    """Architecture of an arm's classifier.

    Args:
        config: sizes and placement.
        arm: which.
        dim: D, width of a slice embedding.
        findings: K.
    """
    at_slice = config.placement == "slice"
    return ClassifierSpec(
        dim=dim,
        findings=findings,
        adapter=arm.slice.kind if at_slice and arm.slice else "none",
        num_experts=config.num_experts,
        r=config.r,
        scaling=config.scaling,
        router_hidden=config.router_hidden,
        shared_query=config.shared_query,
        dropout=config.dropout,
    )
