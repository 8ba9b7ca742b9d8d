"""Placement ``slice``: a head on cached embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from molre.arms.arm import Arm
from molre.arms.arms import get_arm
from molre.arms.slice_adapter import MoLRESlices, ShuffledMoLRESlices, freeze_random_router
from molre.model.build import ClassifierSpec, build_classifier
from molre.model.classifier import HeadCTClassifier
from molre.training.checkpoint import Progress
from molre.training.config import TrainConfig
from molre.training.data import Loader, sample_slices, spread
from molre.training.placements.placement import Finished
from molre.training.run_context import RunContext, classifier_spec
from molre.training.search import Search, search
from molre.training.trainer import Trainer

NORM_SCANS = 2000  # scans that centering and the bank are taken from, at most


class StartSettings(Protocol):
    """What a model's start is made of: settings, arm and architecture, and no embeddings yet."""

    @property
    def config(self) -> TrainConfig:
        """Every choice; the seed among them."""
        ...

    @property
    def arm(self) -> Arm:
        """Which arm."""
        ...

    @property
    def spec(self) -> ClassifierSpec:
        """Architecture of the classifier."""
        ...


class SlicePlacement:
    """Placement ``slice``: the classifier on cached embeddings."""

    def __init__(self, context: RunContext):
        self.context = context

    def model(self) -> HeadCTClassifier:
        """Seeded weights; center, bank and random router from train."""
        return new_classifier(self.context, self.loader("train"))

    def loader(self, split: str) -> Loader:
        """Batches of cached embeddings."""
        return self.context.loader(split)

    def finish(self, progress: Progress, run: Path) -> Finished:
        """The classifier with the weights of a fit's best epoch."""
        classifier = build_classifier(self.context.spec)
        classifier.load_state_dict(progress.best)
        return Finished(self.context, classifier)


@dataclass(frozen=True)
class Start:
    """What a start is made of where there is no run; see :class:`StartSettings`."""

    config: TrainConfig
    arm: Arm
    spec: ClassifierSpec


def search_classifier(
    config: TrainConfig, train: Loader, tune: Loader, dim: int
) -> tuple[HeadCTClassifier, Search]:
    """Search the learning rate of an arm on embeddings, without a cohort and without checkpoints.

    Args:
        config: arm, seed, budget and sizes.
        train, tune: the splits.
        dim: D, width of an embedding.

    Returns:
        the classifier with the weights of the best fit's best epoch, and all fits.
    """
    arm, findings = get_arm(config.arm, "slice"), train.studies.targets.shape[1]
    start = Start(config, arm, classifier_spec(config, arm, dim, findings))

    def fit(rate: float) -> Progress:
        return Trainer.at_rate(rate, new_classifier(start, train), config, train, tune).fit()

    found = search(fit, config)
    classifier = build_classifier(start.spec)
    classifier.load_state_dict(found.best.best)
    return classifier, found


def new_classifier(context: StartSettings, loader: Loader) -> HeadCTClassifier:
    """A classifier at its start: seeded weights, center, bank and random router from train.

    Args:
        context: whose spec is built.
        loader: of the training split's embeddings.
    """
    classifier, spec = seeded(context), context.spec
    slices = sample_slices(loader, NORM_SCANS, 20 * NORM_SCANS)
    slices = slices[slices.isfinite().all(1)]  # a scan that is not is named when its turn comes
    classifier.center.copy_(classifier.normalize(slices).mean(0))
    normalized = classifier.normalize(slices)
    if isinstance(classifier.adapter, ShuffledMoLRESlices):
        picked = spread(len(normalized), spec.bank_size)
        classifier.adapter.bank = normalized[
            [picked[i % len(picked)] for i in range(spec.bank_size)]
        ]
    if isinstance(classifier.adapter, MoLRESlices) and context.arm.router == "random":
        freeze_random_router(classifier.adapter, normalized[spread(len(normalized), 4000)])
    return classifier


def seeded(context: StartSettings) -> HeadCTClassifier:
    """The context's classifier with weights drawn from its seed."""
    torch.manual_seed(context.config.seed)
    return build_classifier(context.spec)
