"""Embedding on a Dask cluster: the same work for each study; a worker loads the backbone once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load as load_backbone
from molre.backbones.contract import Contract
from molre.backbones.precision import Precision
from molre.backbones.volume_contract import VolumeContract
from molre.embedding.one_series import Embedded, Job, embed_one
from molre.errors import MolreError, RefusedScan, raise_of_machine

SECONDS = 3600.0  # for one study; the first one of a worker waits for the weights as well
ROUNDS = 2  # a study whose workers die is tried once more, after all others


@dataclass(frozen=True)
class Asked:
    """A backbone as a worker is to load it.

    Attributes:
        name: for the catalogue.
        weights_dir: absolute, and there on every worker.
        contract: the pixels it is given, where not its own.
        unverified: take one whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.
        device: of a worker.
        precision: the backbone computes in.
        weights: SHA-256 of what the one who asks has loaded; a worker must have the same.
    """

    name: str
    weights_dir: str | None
    contract: Contract | VolumeContract | None
    unverified: bool
    trust_remote_code: bool
    device: str
    precision: Precision
    weights: str = ""

    def load(self) -> Backbone:
        """The backbone.

        Raises:
            MolreError: it cannot be loaded here.
        """
        backbone = load_backbone(
            self.name,
            weights_dir=self.weights_dir,
            contract=self.contract,
            unverified=self.unverified,
            trust_remote_code=self.trust_remote_code,
        )
        backbone.precision = self.precision
        return backbone


def answers(jobs: list[Job], asked: Asked, backbone: Backbone, address: str) -> Iterator[Embedded]:
    """Embed on the workers of a cluster, which see cohort, scans and weights under these names.

    Args:
        jobs: series.
        asked: what each worker loads.
        backbone: loaded here, for the hash of its weights.
        address: of the scheduler.

    Raises:
        MolreError: see :func:`molre.workers.cluster.each`, or a worker has other weights.
    """
    from molre.workers import cluster
    from molre.workers.pool import Crashed

    asked = replace(asked, weights=backbone.weights.sha256)
    for left in reversed(range(ROUNDS)):
        again = []
        for job, found in cluster.each(embed_on_worker, jobs, (asked,), address, SECONDS):
            if isinstance(found, Crashed) and left:
                again.append(job)
            elif isinstance(found, RefusedScan):
                yield Embedded(job, None, None, found.what)
            else:
                yield found
        jobs = again


def embed_on_worker(job: Job, asked: Asked) -> Embedded:
    """Embed one series, in a worker."""
    if asked.device == "cpu":
        torch.set_num_threads(1)  # as each of the processes on one machine
    with _loading:
        backbone = _loaded(asked)
    try:
        return embed_one(job, backbone)
    except MolreError:
        raise
    except Exception as error:  # the others go on
        raise_of_machine(error)
        return Embedded(job, None, None, f"cannot be embedded ({type(error).__name__}: {error})")


_loading = threading.Lock()


@lru_cache(maxsize=1)
def _loaded(asked: Asked) -> Backbone:
    try:
        backbone = asked.load()
    except MolreError as error:
        raise MolreError(f"on {_here()}: {error.what}", where=error.where, fix=error.fix) from None
    if backbone.weights.sha256 != asked.weights:
        raise MolreError(
            f"{_here()} has other weights of {asked.name} than this machine",
            fix="give all machines the same ones, such as a --weights-dir that all of them see",
        )
    if torch.device(asked.device).type == "cuda" and not torch.cuda.is_available():
        raise MolreError(
            f"{_here()} has no CUDA device",
            where="--device",
            fix="start workers where there is one",
        )
    return backbone.to(asked.device)


def _here() -> str:
    return f"worker {os.uname().nodename}"


def absolute(path: str | Path | None) -> str | None:
    """A path that means the same in a worker's folder."""
    return None if path is None else os.path.abspath(path)
