"""Embedding on a Dask cluster: the same work for each study; a worker loads the backbone once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import lru_cache

import torch

from molre.backbones.backbone import Backbone
from molre.backbones.request import BackboneRequest
from molre.embedding.one_series import Embedded, SeriesJob, embed_one
from molre.errors import MolreError, RefusedScan, raise_of_machine

SECONDS = 3600.0  # for one study; the first one of a worker waits for the weights as well
ROUNDS = 2  # a study whose workers die is tried once more, after all others


def answers(
    jobs: list[SeriesJob], request: BackboneRequest, backbone: Backbone, address: str
) -> Iterator[Embedded]:
    """Embed on the workers of a cluster, which see cohort, scans and weights under these names.

    Args:
        jobs: series.
        request: what each worker loads.
        backbone: loaded here; a worker must have weights of the same hash.
        address: of the scheduler.

    Raises:
        MolreError: see :func:`molre.workers.cluster.each`, or a worker has other weights.
    """
    from molre.workers import cluster
    from molre.workers.pool import Crashed

    asked = (request, backbone.weights.sha256)
    for left in reversed(range(ROUNDS)):
        again = []
        for job, found in cluster.each(embed_on_worker, jobs, asked, address, SECONDS):
            if isinstance(found, Crashed) and left:
                again.append(job)
            elif isinstance(found, RefusedScan):
                yield Embedded(job, None, None, found.what)
            else:
                yield found
        jobs = again


def embed_on_worker(job: SeriesJob, request: BackboneRequest, sha256: str) -> Embedded:
    """Embed one series, in a worker whose weights must be those of ``sha256``."""
    if request.device == "cpu":
        torch.set_num_threads(1)  # as each of the processes on one machine
    with _loading:
        backbone = _loaded(request, sha256)
    try:
        return embed_one(job, backbone)
    except MolreError:
        raise
    except Exception as error:  # the others go on
        raise_of_machine(error)
        return Embedded(job, None, None, f"cannot be embedded ({type(error).__name__}: {error})")


_loading = threading.Lock()


@lru_cache(maxsize=1)
def _loaded(request: BackboneRequest, sha256: str) -> Backbone:
    try:
        backbone = request.load()
    except MolreError as error:
        raise MolreError(f"on {_here()}: {error.what}", where=error.where, fix=error.fix) from None
    if backbone.weights.sha256 != sha256:
        raise MolreError(
            f"{_here()} has weights of {request.name} other than this machine's",
            fix="give all machines the same ones, such as a --weights-dir that all of them can see",
        )
    if torch.device(request.device).type == "cuda" and not torch.cuda.is_available():
        raise MolreError(
            f"{_here()} has no CUDA device",
            where="--device",
            fix="start workers on machines that have one",
        )
    return backbone.to(request.device)


def _here() -> str:
    return f"worker {os.uname().nodename}"
