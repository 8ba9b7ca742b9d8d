"""One series: read, prepared and embedded by whichever process or machine has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from molre.backbones.backbone import Backbone
from molre.ct.cache.volume_cache import VolumeCache, scan
from molre.ct.volume import Volume
from molre.embedding.chunks import in_halves
from molre.embedding.prepare import to_inputs
from molre.errors import MolreError, raise_of_machine

CHUNK = 16  # slices a forward pass; more only costs memory on a CPU


@dataclass(frozen=True)
class SeriesJob:
    """One series to embed."""

    study: str
    content_hash: str
    files: tuple[str, ...]
    hu_map: str | None
    volumes: VolumeCache


@dataclass(frozen=True)
class Embedded:
    """A worker's answer: embeddings float16 (S', D) with their slices, or why there are none.

    A 3D backbone gives one embedding of the whole volume, S' = 1.
    """

    job: SeriesJob
    embeddings: np.ndarray | None
    source: np.ndarray | None
    problem: str | None = None


def embed_one(job: SeriesJob, backbone: Backbone) -> Embedded:
    """Read, prepare and embed one series on the device that the backbone is on.

    Raises:
        MolreError: the device failed, or has too little memory for one slice.
    """
    volume = read(job)
    if isinstance(volume, Embedded):
        return volume
    pixels, source = to_inputs(volume, backbone.contract)
    return answer_of(job, on_device(job, pixels, backbone), source)


def embed_volume(volume: Volume, backbone: Backbone) -> tuple[Tensor, np.ndarray]:
    """Embed one volume.

    Returns:
        float32 (S', D) on the CPU, and the volume's slice of each (S',); S' is 1 where the backbone
        takes the volume as a whole.
    """
    pixels, source = to_inputs(volume, backbone.contract)
    return _through(pixels, backbone), source


def _through(pixels: Tensor, backbone: Backbone) -> Tensor:
    """Embeddings float32 (S', D) on the CPU of pixels (S', C, size, size)."""
    device = next(backbone.parameters()).device

    def run(chunk: Tensor) -> Tensor:
        return backbone(chunk.to(device)).pooled.float().cpu()

    with torch.inference_mode():
        what = f"one image in {backbone.name}"
        return torch.cat(in_halves(run, [pixels], CHUNK, backbone, what))


def on_device(job: SeriesJob, pixels: Tensor, backbone: Backbone) -> Tensor:
    """Embeddings float32 (S', D) of pixels (S', ...).

    Raises:
        MolreError: the device failed, naming the study; or too little memory for one slice.
    """
    try:
        return _through(pixels, backbone)
    except torch.AcceleratorError as error:
        raise MolreError(
            f"the device failed ({str(error).splitlines()[0]})",
            where=f"study {job.study}",
            fix="run the same command again to resume; if it fails again, check this study",
        ) from None


def read(job: SeriesJob) -> Volume | Embedded:
    """The series' volume, or an answer that says why it cannot be read."""
    try:
        return scan(job.content_hash, job.files, job.volumes, job.hu_map)
    except MolreError as error:
        return Embedded(job, None, None, error.message)
    except Exception as error:  # whatever a decoder makes of a changed file: the others go on
        raise_of_machine(error)
        return Embedded(job, None, None, f"cannot be read ({type(error).__name__}: {error})")


def answer_of(job: SeriesJob, embeddings: Tensor, source: np.ndarray) -> Embedded:
    """Embeddings float32 (S', D) and their slices, as an answer."""
    half = embeddings.half()
    if not torch.isfinite(half).all():
        return Embedded(job, None, None, "the backbone's embeddings are not finite numbers")
    return Embedded(job, half.numpy(), source)
