"""Embed: every chosen series of a cohort through a frozen backbone, once; rerun is resume."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from molre.backbones.backbone import Backbone
from molre.backbones.contract import Contract
from molre.backbones.request import BackboneRequest
from molre.backbones.volume_contract import VolumeContract
from molre.cohort.cohort import Cohort
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.volume import SliceSource, Volume
from molre.device import usable
from molre.embedding import on_cluster
from molre.embedding.cache import EmbeddingCache, cache_folder, cache_key
from molre.embedding.one_series import (
    Embedded,
    SeriesJob,
    answer_of,
    embed_one,
    embed_volume,
    on_device,
    read,
)
from molre.embedding.prepare import to_inputs
from molre.errors import MolreError, NotApplicable
from molre.progress import track
from molre.shard import Shard
from molre.workers import cluster
from molre.workers.count import processes
from molre.workers.own_work import in_order

AHEAD = 8  # series given to each worker before the first of them is done


Answers = Callable[[list[SeriesJob]], Iterator[Embedded]]


@dataclass(frozen=True)
class EmbeddedCohort:
    """What embed did.

    Attributes:
        cache: the embeddings of the cohort's chosen series, by content hash.
        failed: (study, reason) of series that could not be read again, or embedded.
    """

    cache: EmbeddingCache
    failed: tuple[tuple[str, str], ...] = ()

    @property
    def exit_code(self) -> int:
        """0: every series is embedded; 1: some could not be."""
        return 1 if self.failed else 0

    def as_json(self) -> str:
        """Where the cache is, how many series it has, and what failed."""
        facts = {"cache": str(self.cache.folder), "series": len(self.cache), "failed": self.failed}
        return json.dumps(facts, indent=2)

    def as_text(self) -> str:
        """One sentence."""
        return f"{len(self.cache)} series embedded: {self.cache.folder}"


def embed(
    cohort: str | Path,
    backbone: str | Backbone,
    *,
    weights_dir: str | Path | None = None,
    contract: Contract | VolumeContract | None = None,
    device: str = "cpu",
    workers: int | None = None,
    overwrite: bool = False,
    shard: str | tuple[int, int] | Shard | None = None,
    unverified: bool = False,
    trust_remote_code: bool = False,
    precision: str = "auto",
    scheduler: str | None = None,
) -> EmbeddedCohort:
    """Embed the chosen series of a cohort that are not embedded yet.

    On a CPU each of ``workers`` processes reads, prepares and embeds whole series with one
    thread, which beats one process with as many threads; for another device they read and
    prepare, and this process embeds.

    Args:
        cohort: the folder.
        backbone: a name for the catalogue, or loaded.
        weights_dir: folder with its weights.
        contract: the pixels it is given, where not its own.
        device: torch device.
        workers: processes; one for each core by default.
        overwrite: embed everything again.
        shard: ``"3/8"`` or ``(3, 8)``, embed only the third of eight parts of the series; run all
            parts, at once or one after the other, and the cache is whole.
        unverified: take a backbone whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.
        precision: the backbone computes in; ``auto`` is bfloat16 on CUDA and float32 elsewhere.
        scheduler: address of a Dask scheduler, ``tcp://host:port``, whose workers embed instead,
            each on its ``device``; they must see cohort, scans and weights under the same names.

    Returns:
        The cache, and the series that could not be embedded, which it lacks. Its files depend
        neither on ``workers`` nor on the scheduler, as long as more than one process embeds on a
        CPU: one alone uses all cores, which may round the last bit otherwise.

    Raises:
        MolreError: no such device; a backbone that cannot be loaded, here or on a worker; one that
            is given by itself, not by its name, with a scheduler; or the cluster is gone.

    Examples:
        >>> import molre
        >>> half = molre.embed("cohort", "efficientnet_lite0", shard="1/2")
        >>> done = molre.embed("cohort", "efficientnet_lite0")  # goes on where it stopped
        >>> len(half.cache), len(done.cache), done.failed
        (3, 6, ())
    """
    part, device = Shard.of(shard), usable(device, here=scheduler is None)
    if overwrite and not part.is_whole:
        raise MolreError(
            "a shard that overwrites would discard the other shards' embeddings",
            where="--overwrite",
            fix="leave out --overwrite, or --shard",
        )
    opened = Cohort(Path(os.path.abspath(cohort)))
    elsewhere: Answers | None = None
    if isinstance(backbone, str):
        request = BackboneRequest(
            backbone, weights_dir, contract, unverified, trust_remote_code, device, precision
        ).absolute()
        backbone = request.load()
        if scheduler:
            elsewhere = partial(
                on_cluster.answers, request=request, backbone=backbone, address=scheduler
            )
    elif scheduler:
        raise MolreError(
            f"{backbone.name} was given already loaded, but the workers of a cluster load it "
            "themselves",
            fix="give its name for the catalogue",
        )
    if backbone.from_scratch:
        raise NotApplicable(
            f"{backbone.name} has no weights, so its embeddings mean nothing until it is trained",
            fix="train it with --arm full --placement blocks",
        )
    if scheduler and overwrite:
        cluster.reach(scheduler)
    cache = open_cache(opened, backbone, overwrite=overwrite)
    answers = elsewhere or partial(_answers, backbone=backbone, device=device, workers=workers)
    return EmbeddedCohort(cache, tuple(_fill(cache, opened, part, answers)))


def _fill(
    cache: EmbeddingCache, cohort: Cohort, shard: Shard, embedded: Answers
) -> Iterator[tuple[str, str]]:
    """Embed into ``cache`` what it lacks; yields (study, reason) of what could not be."""
    cache.drop_damaged()
    volumes = volumes_of(cohort.path)
    chosen = cohort.chosen().select("study", "content_hash", "files", "hu_map").sort("study")
    jobs = [
        SeriesJob(study, content_hash, tuple(paths), hu_map, volumes)
        for study, content_hash, paths, hu_map in shard.dealt(chosen.rows())
        if content_hash not in cache
    ]
    try:
        for answer in track(embedded(jobs), "embedding", len(jobs)):
            if answer.embeddings is None or answer.source is None:
                yield answer.job.study, answer.problem or "unknown"
                continue
            cache.put(answer.job.content_hash, torch.from_numpy(answer.embeddings), answer.source)
    finally:
        cache.flush()


def open_cache(cohort: Cohort, backbone: Backbone, *, overwrite: bool = False) -> EmbeddingCache:
    """The cohort's cache for a backbone; see :mod:`molre.embedding.cache`."""
    key = cache_key(backbone.weights.sha256, backbone.contract.hash, backbone.precision)
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    slug = re.sub(r"[^A-Za-z0-9]+", "_", backbone.name).strip("_")[:60]
    folder = cache_folder(cohort.path, f"{slug}-{digest}")
    if overwrite and folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
    return EmbeddingCache(folder, {"backbone": backbone.name, **key})


def probe(backbone: Backbone) -> Tensor:
    """Embedding float32 (1, D) of one fixed synthetic slice: has anything on the way changed?

    A 3D backbone is shown that slice as a ball of slices.
    """
    if backbone.kind == "2d":
        return embed_volume(_synthetic(np.zeros(1)), backbone)[0].clone()
    return embed_volume(_synthetic(np.arange(-80.0, 81.0, 5.0)), backbone)[0].clone()


def _synthetic(heights: np.ndarray) -> Volume:
    """A skull around a brain with a bleed, cut at ``heights`` (S,) from its middle, mm."""
    row, column = np.mgrid[0:256, 0:256]
    distance = np.hypot(row - 128, column - 120)
    hu = np.empty((len(heights), 256, 256), dtype=np.int16)
    for image, height in zip(hu, heights, strict=True):
        radius = np.hypot(distance, height / 0.9)
        image[:] = np.select([radius < 70, radius < 82, radius < 90], [30, 900, 40], -1000)
        if abs(height) <= 10:
            image[110:130, 100:125] = 70
    origins = np.zeros((len(heights), 3))
    origins[:, 2] = heights
    return Volume(
        hu=hu,
        origins=origins,
        orientation=np.array([[1.0, 0, 0], [0, 1.0, 0]]),
        pixel_spacing=(0.9, 0.9),
        source=tuple(SliceSource(i) for i in range(len(heights))),
    )


def _answers(
    jobs: list[SeriesJob], backbone: Backbone, device: str, workers: int | None
) -> Iterator[Embedded]:
    count = min(processes(workers), len(jobs))
    if device == "cpu" and count < 2:
        backbone.to(device)
        for job in jobs:
            yield embed_one(job, backbone)
        return
    if device == "cpu":
        # forked, so that the workers share the weights in memory
        shared, ahead = (backbone,), AHEAD * count
        yield from in_order(
            embed_one, jobs, shared, count, doing="embedding", ahead=ahead, start="fork"
        )
        return
    # images are large, so no more than two studies a worker are prepared ahead of the device; no
    # process is forked once it is in use
    preparing = in_order(
        _prepare,
        jobs,
        (backbone.contract,),
        count,
        doing="preparing",
        ahead=2 * count,
        start="spawn",
    )
    backbone.to(device)
    for prepared in preparing:
        if isinstance(prepared, Embedded):
            yield prepared
        else:
            job, pixels, source = prepared
            yield answer_of(job, on_device(job, torch.from_numpy(pixels), backbone), source)


def _prepare(
    job: SeriesJob, contract: Contract | VolumeContract
) -> Embedded | tuple[SeriesJob, np.ndarray, np.ndarray]:
    volume = read(job)
    if isinstance(volume, Embedded):
        return volume
    pixels, source = to_inputs(volume, contract)
    return job, pixels.numpy(), source
