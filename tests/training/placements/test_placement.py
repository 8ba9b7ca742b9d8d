"""What a placement ends with is returned: the placement itself stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from molre.arms.arms import get_arm
from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import Cohort
from molre.labels.findings import findings
from molre.training.checkpoint import Progress
from molre.training.config import TrainConfig
from molre.training.load_splits import SPLITS, load_splits
from molre.training.parallel.embedder import Embedder
from molre.training.placements.blocks import BlocksPlacement, adapt_blocks
from molre.training.placements.slice import SlicePlacement
from molre.training.run_context import RunContext
from tests.helpers.training.tiny import write_vit


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_vit(tmp_path_factory.mktemp("weights") / "vit")


def at_slice(cohort: Cohort, backbone: str) -> SlicePlacement:
    config = TrainConfig(backbone=backbone, min_labels=1)
    embeddings = Embedder(cohort, workers=1).embed(load_backbone(backbone))
    return SlicePlacement(context(cohort, config, embeddings))


def at_blocks(cohort: Cohort, backbone: str) -> BlocksPlacement:
    config = TrainConfig(backbone=backbone, placement="blocks", budget=0.06, min_labels=1)
    embedder, arm = Embedder(cohort, workers=1), get_arm("molre", "blocks")
    blocks = adapt_blocks(embedder, load_backbone(backbone), config, arm)
    return BlocksPlacement(context(cohort, config, blocks.inputs), blocks)


def context(cohort: Cohort, config: TrainConfig, inputs) -> RunContext:
    splits = load_splits(cohort, inputs, findings(), config.blank_policy, config.min_labels)
    arm, backbone = get_arm(config.arm, config.placement), load_backbone(config.backbone)
    return RunContext(config, arm, cohort, backbone, inputs, findings(), splits)


@pytest.mark.parametrize("make", [at_slice, at_blocks])
def test_a_placement_returns_what_it_ends_with(
    make: Callable, scans: Path, vit: str, tmp_path: Path
) -> None:
    placement = make(Cohort(scans), vit)
    before = placement.context
    best = {name: value + 1 for name, value in placement.model().state_dict().items()}
    done = placement.finish(Progress(best=best), tmp_path)
    assert placement.context is before
    prefix = "" if done.blocks is None else "head."
    for name, value in done.classifier.state_dict().items():
        assert torch.equal(value, best[prefix + name]), name
    hashes = [h for split in SPLITS for h in before.splits[split].content_hash]
    assert all(done.context.cache.get(h).shape[1] == before.backbone.dim for h in hashes)
    assert (done.context is before) == (make is at_slice)


@pytest.mark.parametrize("make", [at_slice, at_blocks])
def test_every_learning_rate_starts_from_the_same_weights(
    make: Callable, scans: Path, vit: str
) -> None:
    placement = make(Cohort(scans), vit)
    first = {name: value.clone() for name, value in placement.model().state_dict().items()}
    with torch.no_grad():
        for parameter in placement.model().parameters():
            parameter.add_(1)
    again = placement.model().state_dict()
    assert all(torch.equal(again[name], value) for name, value in first.items())
