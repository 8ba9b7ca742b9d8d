"""One arm fitted to planted embeddings: the training of every run, without scans."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from molre import files
from molre.evaluation.comparison.verdict import ArmFacts
from molre.phantom.planted import Planted, World
from molre.runs.studies import Studies
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.fit_budget import FitBudget
from molre.training.inference import predict
from molre.training.placements.slice import search_classifier

TRAIN, TUNE, TEST = 10, 11, 12  # seeds of the draws; test is never that of another control


@dataclass(frozen=True)
class ControlData:
    """Studies of one world.

    Attributes:
        world: what is planted.
        train, tune, test: how many studies of each.
        draw: moves the seeds of all draws, so that studies that nothing was chosen on can be had.
    """

    world: World
    train: int
    tune: int
    test: int
    draw: int = 0

    def split(self, name: str) -> Planted:
        """The studies of a split."""
        seed = {"train": TRAIN, "tune": TUNE, "test": TEST}[name]
        return self.world.draw(getattr(self, name), 100 * self.draw + seed)


@dataclass(frozen=True)
class ControlFit:
    """What an arm of one seed says of the test studies.

    Attributes:
        logits: float32 (N, K).
        facts: how it was trained, as verdicts read it.
        rate: learning rate chosen on tune.
        rates: tried.
        epochs: of that fit.
    """

    logits: np.ndarray
    facts: ArmFacts
    rate: float
    rates: int
    epochs: int


def fit_planted(config: TrainConfig, data: ControlData) -> ControlFit:
    """Search the learning rate of an arm at placement ``slice``, and score the test studies.

    Args:
        config: arm, seed, budget and sizes.
        data: what it is trained and tested on.
    """
    size = config.batch_size  # scans are small: a batch is worked out in one piece
    train, tune, test = (
        Loader(split, studies_of(split), size, config.seed, micro_batch=size)
        for split in map(data.split, ("train", "tune", "test"))
    )
    best, found = search_classifier(config, train, tune, data.world.dim)
    said = predict(best, test)
    facts = ArmFacts(
        placement="slice",
        entropy=said.entropy,
        experts=config.num_experts,
        converged=found.best.stale(FitBudget.of(config, data.train).patience),
        at_edge=found.at_edge,
        added=sum(p.numel() for p in best.adapter.parameters()),
    )
    return ControlFit(said.logits, facts, found.rate, len(found.scores), found.best.epoch)


def studies_of(split: Planted) -> Studies:
    """Planted studies as a split: each is of a patient of its own."""
    return Studies(split.keys, split.keys, split.keys, split.present.astype(np.float32))


def kept_or_fitted(config: TrainConfig, data: ControlData, folder: Path) -> ControlFit:
    """The fit of an earlier run of the same choices, or a new one, which is kept.

    Args:
        config, data: as :func:`fit_planted` takes them.
        folder: where fits are kept, one file each.
    """
    name = f"{config.arm}-{config.seed}-conflict-{data.world.conflict:g}.json"
    key = hashlib.sha256(f"{config.model_dump_json()} {data}".encode()).hexdigest()
    path = folder / name
    if path.is_file() and (kept := _read(path, key)) is not None:
        return kept
    torch.set_num_threads(1)
    fitted = fit_planted(config, data)
    values = {
        "key": key,
        "facts": vars(fitted.facts),
        "rate": fitted.rate,
        "rates": fitted.rates,
        "epochs": fitted.epochs,
        "logits": fitted.logits.tolist(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files.write_text(path, json.dumps(values))
    return fitted


def _read(path: Path, key: str) -> ControlFit | None:
    """A kept fit; None where it is of other choices, or not whole."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if values["key"] != key:
            return None
        facts = ArmFacts(**values["facts"])
        logits = np.array(values["logits"], dtype=np.float32)
        return ControlFit(logits, facts, values["rate"], values["rates"], values["epochs"])
    except (ValueError, KeyError, TypeError):
        return None
