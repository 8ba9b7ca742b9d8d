"""Placement ``blocks``: an adapted backbone with a head, its inputs, and what they end as."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from molre.adapter.core import router_gates
from molre.arms.arm import Arm
from molre.arms.slice_adapter import scale_to_entropy
from molre.backbones.backbone import Backbone, Features
from molre.backbones.prefix import Prefix
from molre.cohort.cohort import SPLITS, Cohort
from molre.embedding.cache import EmbeddingCache
from molre.errors import MolreError
from molre.model.adapted_backbone import CHUNK, AdaptedBackbone, adapt
from molre.model.unregistered import Unregistered
from molre.progress import say
from molre.runs.folder import RunFolder
from molre.training.checkpoint import Progress
from molre.training.config import TrainConfig
from molre.training.data import MICRO_BATCH, Inputs, Loader, spread
from molre.training.parallel.embedder import Embedder
from molre.training.placements.end_to_end import (
    BlocksClassifier,
    Pixels,
    embed_adapted,
    tokens_gigabytes,
)
from molre.training.placements.placement import Finished
from molre.training.placements.slice import seeded
from molre.training.placements.volumes import PreparedVolumes, chunk_size
from molre.training.run_context import RunContext, TrainedBlocks

SOME_SLICES = 512  # for the center, the shuffled control's bank and a random router's scale
SOME_SCANS = 128
SOME_VOLUMES = 32


@dataclass(frozen=True)
class AdaptedBlocks:
    """A backbone adapted for an arm, and what its trained part is given.

    Attributes:
        adapted: at its start, when it answers as the frozen backbone.
        inputs: of every scan: pixels, or tokens kept on disk.
        run: features of them.
    """

    adapted: AdaptedBackbone
    inputs: Inputs
    run: Callable[[Tensor], Features]


def adapt_blocks(
    embedder: Embedder, backbone: Backbone, config: TrainConfig, arm: Arm
) -> AdaptedBlocks:
    """Adapt a backbone in its last blocks; with the prefix cache, run what comes before them once.

    Args:
        embedder: makes the prefix cache of the cohort.
        backbone: changed in place.
        config: of the run.
        arm: that trains something inside a backbone.

    Raises:
        NotApplicable: the arm is not applicable to this backbone.
        MolreError: the disk is too small for the prefix cache.
    """
    cohort = embedder.cohort
    adapted = adapted_at_start(backbone, config, arm, embedder.device)
    prefix = _prefix(adapted, config)
    if prefix is None:
        if backbone.kind == "3d":
            return _volumes(adapted, embedder)
        return AdaptedBlocks(adapted, Pixels(cohort, backbone.contract), backbone)
    needed = tokens_gigabytes(backbone, cohort, prefix.dim)
    _check_disk(needed, cohort, f"tokens before {prefix.block}", "leave out the prefix cache")
    return AdaptedBlocks(adapted, embedder.embed(prefix), prefix.resume)


def adapted_at_start(
    backbone: Backbone, config: TrainConfig, arm: Arm, device: str
) -> AdaptedBackbone:
    """The backbone with adapters drawn from the run's seed; it answers as the frozen one.

    Args:
        backbone: changed in place.
        config: of the run.
        arm: that trains something inside a backbone.
        device: torch device of the backbone.

    Raises:
        NotApplicable: the arm is not applicable to this backbone.
    """
    torch.manual_seed(config.seed)
    return adapt(backbone.to(device), arm, config)


def _prefix(adapted: AdaptedBackbone, config: TrainConfig) -> Prefix | None:
    """What comes before the adapted blocks, or None where every pass starts from pixels."""
    if not config.prefix_cache:
        return None
    first = adapted.sites.first_block
    try:
        if first is None or first.endswith(".0"):
            raise MolreError(
                f"arm {config.arm!r} changes {adapted.backbone.name} from its first block on, so "
                "there is nothing to keep",
                fix="leave out the prefix cache",
            )
        return Prefix(adapted.backbone, first)
    except MolreError as error:
        if config.prefix_cache != "auto":
            raise
        say(f"no tokens are kept: {error.what}")
        return None


def _volumes(adapted: AdaptedBackbone, embedder: Embedder) -> AdaptedBlocks:
    """The volumes of a 3D backbone, prepared once and kept beside the cohort's embeddings."""
    backbone, cohort = adapted.backbone, embedder.cohort
    prepared = PreparedVolumes(backbone)
    if not prepared.worth_keeping:
        return AdaptedBlocks(adapted, Pixels(cohort, backbone.contract), backbone)
    needed = prepared.gigabytes * len(cohort.chosen())
    _check_disk(needed, cohort, "prepared volumes", "choose a smaller --contract")
    volumes = embedder.embed(prepared, device="cpu")
    return AdaptedBlocks(adapted, volumes, prepared.resume)


def _check_disk(needed: float, cohort: Cohort, what: str, instead: str) -> None:
    free = shutil.disk_usage(cohort.path).free / 1e9
    say(f"{what} take {needed:.2f} GB on disk ({free:.0f} GB are free)")
    if needed > free:
        raise MolreError(
            f"the {what} need {needed:.1f} GB, but {free:.1f} GB are free",
            where=cohort.path,
            fix=f"free some space, or {instead}",
        )


class BlocksPlacement:
    """The adapted backbone with a head; each learning rate starts from the same weights.

    Args:
        context: of the run.
        blocks: the backbone and its inputs; the backbone is settled in place.
    """

    def __init__(self, context: RunContext, blocks: AdaptedBlocks):
        self.context, self._inputs = context, blocks.inputs
        head = seeded(context)
        held = chunk_size(context.config.slice_budget, blocks.adapted.backbone)
        self._model = BlocksClassifier(blocks.adapted, head, blocks.run, held)
        some = [(h, self._inputs.get(h)[rows]) for h, rows in self._some_slices()]
        self._settle_routers(torch.cat([slices for _, slices in some]))
        embeddings = torch.cat([self._model.embed(h, slices, 0)[0] for h, slices in some])
        head.center.copy_(head.normalize(embeddings).mean(0))
        self._start = {k: v.clone() for k, v in self._model.state_dict().items()}

    def model(self) -> BlocksClassifier:
        """The model, at its start again."""
        self._model.load_state_dict(self._start)
        return self._model

    def loader(self, split: str) -> Loader:
        """Batches of pixels or cached tokens."""
        # a scan has slices enough; batch norm that counts must see several volumes at a time
        micro_batch = MICRO_BATCH if self.context.backbone.from_scratch else 1
        return replace(self.context.loader(split), cache=self._inputs, micro_batch=micro_batch)

    def finish(self, progress: Progress, run: Path) -> Finished:
        """Embed every scan with the trained backbone; the result is that of a frozen one."""
        self._model.load_state_dict(progress.best)
        splits, seed, ranks = self.context.splits, self.context.config.seed, self.context.ranks
        hashes = [h for split in SPLITS for h in splits[split].content_hash]
        folder = RunFolder(run).embeddings
        if ranks.first:
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted here
        ranks.barrier()
        mine = hashes[ranks.shard(len(hashes))]
        _, gates = embed_adapted(self._model, self._inputs, mine, folder, seed)
        ranks.barrier()
        test = splits["test"].content_hash
        here = [i for i, h in enumerate(test) if h in gates]
        seen = ranks.all_gather_runs([gates[test[i]] for i in here], here, len(test))
        context = replace(self.context, cache=EmbeddingCache(folder))
        return Finished(context, self._model.head, TrainedBlocks(self._model.adapted, seen))

    def _settle_routers(self, slices: Tensor) -> None:
        """Stored contexts for the shuffled control, and random routers to the wanted entropy."""
        from molre.adapter.reading import contexts  # imports peft, which takes seconds

        router = self.context.arm.router
        if router not in ("shuffled", "random"):
            return
        adapted = self._model.adapted
        parts: dict[str, list[Tensor]] = {}
        for chunk in slices.split(CHUNK):
            for name, seen in contexts(_Frozen(self._model), chunk).items():
                parts.setdefault(name.removeprefix("network."), []).append(seen.float())
        bank = {name: torch.cat(seen) for name, seen in parts.items()}
        if router == "shuffled":
            adapted.bank = {name: seen.cpu() for name, seen in bank.items()}
            return
        for name, layer in adapted.routed.items():
            first, out = layer.molre_router_in["default"], layer.molre_router_out["default"]
            _scale(first, out, bank[name])

    def _some_slices(self) -> list[tuple[str, list[int]]]:
        """Training scans and slices of them, about SOME_SLICES in all, spread evenly."""
        hashes = self.context.splits["train"].content_hash
        volumes = self.context.backbone.kind == "3d"  # large, and one a scan
        rows = spread(len(hashes), SOME_VOLUMES if volumes else SOME_SCANS)
        each = max(1, SOME_SLICES // len(rows))
        return [(hashes[i], spread(len(self._inputs.index(hashes[i])), each)) for i in rows]


class _Frozen(torch.nn.Module):
    """A model's backbone run from its inputs, so that its layers can be read while it runs."""

    def __init__(self, model: BlocksClassifier):
        super().__init__()
        self.network, self._model = model.adapted.backbone.network, Unregistered(model)

    def forward(self, inputs: Tensor) -> Tensor:
        device = next(self.network.parameters()).device
        return self._model.content.run(inputs.to(device, torch.float32)).pooled


def _scale(first: torch.nn.Linear, out: torch.nn.Linear, seen: Tensor) -> None:
    scale_to_entropy(
        out.weight, lambda: router_gates(seen, first.weight, first.bias, out.weight, out.bias)
    )
