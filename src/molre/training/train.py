"""Train one arm on a cohort: the grid of learning rates, early stopping, then a run folder."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from molre.arms.arm import Arm
from molre.arms.arms import get_arm
from molre.backbones.backbone import Backbone
from molre.cohort.cohort import SPLITS, Cohort
from molre.device import usable
from molre.folders import claim
from molre.labels.findings import findings
from molre.runs.done import is_done
from molre.runs.folder import RunFolder
from molre.training.checkpoint import Checkpoint, Progress
from molre.training.collapse import CollapseWarning
from molre.training.config import DEFAULTS, TrainConfig, with_settings
from molre.training.load_splits import data_hashes, load_splits
from molre.training.parallel.distributed import ALONE, together
from molre.training.parallel.embedder import Embedder
from molre.training.placements.blocks import BlocksPlacement, adapt_blocks
from molre.training.placements.placement import Placement
from molre.training.placements.slice import SlicePlacement
from molre.training.run_context import BestFit, RunContext
from molre.training.search import search
from molre.training.trainer import Trainer
from molre.training.write_run import write_run


def train(
    cohort: str | Path,
    out: str | Path,
    config: TrainConfig | None = None,
    *,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
    overwrite: bool = False,
    unverified: bool = False,
    trust_remote_code: bool = False,
    loaded: Backbone | None = None,
    **settings: Any,
) -> Path:
    """Train an arm on the cohort's scans and leave a run folder.

    Embeds what is not embedded yet. The grid of learning rates widens while the best of them on
    tune is at its edge, see :mod:`molre.training.rates`. A finished run of the same
    configuration is left as it is; an interrupted one goes on.

    Args:
        cohort: folder made by ingest, split and labeled.
        out: the run folder.
        config: every choice; defaults otherwise.
        settings: choices by name, such as ``arm="molre", seed=1``, over those of ``config``; see
            :class:`molre.training.config.TrainConfig`.
        weights_dir: folder with backbone weights, where they are not installed.
        device: torch device the backbone embeds on.
        workers: processes that embed; one for each core by default.
        overwrite: discard a run that is there.
        unverified: take a backbone whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.
        loaded: the backbone of this configuration, loaded already (``config.request(...).load()``);
            changed in place at placement ``blocks``.

    Returns:
        The run folder.

    Raises:
        MolreError: no such device, unknown setting, arm or backbone, a cohort that lacks labels or
            splits, another run in ``out`` (of another configuration, or of changed data),
            or something there that is not a run.

    Examples:
        >>> import molre
        >>> quick = {"max_epochs": 1, "min_labels": 1}  # for this example
        >>> run = molre.train("cohort", "runs/molre-0", arm="molre", **quick)
        >>> run.name, (run / "model").is_dir()
        ('molre-0', True)
        >>> molre.train("cohort", "runs/frozen-0", arm="frozen", **quick).name
        'frozen-0'
    """
    config = with_settings(config, settings)
    folder, device = RunFolder(Path(out)), usable(device)
    consent = {"unverified": unverified, "trust_remote_code": trust_remote_code}
    request = config.request(weights_dir=weights_dir, device=device, **consent)
    with together(device) as ranks:
        opened = Cohort(Path(cohort))
        if ranks.first:
            claim(folder.path, "run")
        if overwrite and ranks.first and folder.config.is_file():
            shutil.rmtree(folder.path)
        ranks.barrier()
        hashes, arm = data_hashes(opened), get_arm(config.arm, config.placement)
        settings = config.model_dump(mode="json")
        done = is_done(folder, settings, DEFAULTS, hashes, opened)
        ranks.assert_same((config, hashes, done), "cohort, settings and run folder")
        if done:
            return folder.path
        backbone = loaded or request.load()
        context, placement = _start(Embedder(opened, device, workers, ranks), backbone, config, arm)
        if ranks.first:
            folder.write_config(settings)
        context, best = _search(context, folder, placement)
        if ranks.first:
            write_run(replace(context, ranks=ALONE), folder, best)
        ranks.barrier()
    return folder.path


def _start(
    embedder: Embedder, backbone: Backbone, config: TrainConfig, arm: Arm
) -> tuple[RunContext, Placement]:
    """Embed what is not embedded, and what the fits start from."""
    cohort, ranks, adapted = embedder.cohort, embedder.ranks, None
    if arm.inside(config.placement) is not None:
        adapted = adapt_blocks(embedder, backbone, config, arm)
    inputs = adapted.inputs if adapted else embedder.embed(backbone)
    splits = load_splits(
        cohort,
        inputs,
        findings(),
        config.blank_policy,
        config.min_labels,
        include_not_head=config.include_not_head,
        sources=config.label_sources or (),
    )
    context = RunContext(config, arm, cohort, backbone, inputs, findings(), splits, ranks)
    ranks.assert_same([splits[name].content_hash for name in SPLITS], "embeddings")
    return context, BlocksPlacement(context, adapted) if adapted else SlicePlacement(context)


def _search(
    context: RunContext, folder: RunFolder, placement: Placement
) -> tuple[RunContext, BestFit]:
    """Fit at every learning rate of the grid, which widens while its best rate is at an edge."""
    warning, alone = CollapseWarning(), context.ranks.world == 1

    def fit(rate: float) -> Progress:
        return _fit(context, folder, placement, rate, warning)

    found = search(fit, context.config, alone=alone)
    done = placement.finish(found.best, folder.path)
    return done.context, BestFit(done.classifier, found, done.blocks)


def _fit(
    context: RunContext,
    folder: RunFolder,
    placement: Placement,
    rate: float,
    warning: CollapseWarning,
) -> Progress:
    """From the checkpoint, or from the start, to the end of the budget."""
    config, ranks, train = context.config, context.ranks, placement.loader("train")
    trainer = Trainer.at_rate(rate, placement.model(), config, train, placement.loader("tune"))
    facts = (config.model_dump_json(), rate, *context.splits.hashes.values())
    key = hashlib.sha256(repr((facts, context.cache.name)).encode()).hexdigest()
    checkpoint = Checkpoint(folder.checkpoint(rate), key)
    progress = checkpoint.restore(trainer.model, trainer.optimizer)
    ranks.assert_same((progress.epoch, progress.step), "checkpoint")

    def after(progress: Progress) -> None:
        if ranks.first:
            checkpoint.save(trainer.model, trainer.optimizer, progress)
            warning(progress.history)

    return trainer.fit(progress, after)
