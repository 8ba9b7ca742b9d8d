"""What a training run works on, and what its search ends with."""

from __future__ import annotations

from dataclasses import dataclass

from molre.backbones.backbone import Backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.labels.findings import FindingsTable
from molre.model.build import ClassifierSpec
from molre.model.classifier import HeadCTClassifier
from molre.training.arms import Arm
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.fit import Progress
from molre.training.studies import Splits


@dataclass(frozen=True)
class Fitted:
    """The best fit of the learning-rate grid."""

    classifier: HeadCTClassifier
    rate: float
    progress: Progress
    history: list[dict[str, float | int | None]]


@dataclass(frozen=True)
class Task:
    """What a run works on."""

    config: TrainConfig
    arm: Arm
    cohort: Cohort
    backbone: Backbone
    cache: EmbeddingCache
    table: FindingsTable
    splits: Splits

    def loader(self, split: str) -> Loader:
        """Batches of one split."""
        return Loader(self.cache, self.splits[split], self.config.batch_size, self.config.seed)

    @property
    def spec(self) -> ClassifierSpec:
        """Architecture of the classifier."""
        c = self.config
        return ClassifierSpec(
            dim=self.backbone.dim,
            findings=len(self.splits.findings),
            adapter=self.arm.adapter,
            num_experts=c.num_experts,
            r=c.r,
            router_hidden=c.router_hidden,
            shared_query=c.shared_query,
            dropout=c.dropout,
        )
