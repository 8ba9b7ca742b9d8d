"""Slices per second of embed(), against the bare backbone on ready tensors.

Random head-like DICOM series go into a cohort in a temporary folder. `embed()` reads, checks,
prepares and embeds them; the bare backbone is given ready tensors of as many slices, in as many
forked processes of one thread each. Both are measured in turn, and the median of the rounds counts.

    python experiments/speed_embed.py --weights ../shared/weights/vit_small_patch14_imgfocus
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl
import torch
from torch import Tensor

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.ct.read import read_series
from molre.embedding.embed import embed
from molre.embedding.one_series import CHUNK
from molre.embedding.pixels import to_pixels

SLICES = 28
TARGETS = {"efficientnet_lite0": 0.85, "hf": 0.95}


def write_series(folder: Path, edge: int, number: int) -> list[str]:
    """One series of SLICES slices, 5 mm apart: an ellipse of bone and brain, with noise."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    rng = np.random.default_rng(number)
    y, x = (np.mgrid[0:edge, 0:edge] - edge / 2) / edge
    radius = np.hypot(x / 0.32, y / 0.40)
    head = np.select([radius < 0.9, radius < 1, radius < 1.1], [33, 1000, 20], -1000)
    series, study = generate_uid(), generate_uid()
    folder.mkdir(parents=True)
    files = []
    for i in range(SLICES):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.PatientID, image.Modality = f"synthetic {number}", "CT"
        image.Manufacturer, image.SeriesDescription = "random", "SYNTHETIC NOISE"
        image.ImageType, image.InstanceNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], i + 1
        image.ImagePositionPatient = [-112, -112, 5.0 * i]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = [224 / edge, 224 / edge], 5
        image.Rows = image.Columns = edge
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.PixelRepresentation, image.RescaleSlope, image.RescaleIntercept = 0, 1, -1024
        hu = np.clip(head + rng.normal(0, 5, head.shape), -1024, 3000)
        image.PixelData = (hu + 1024).astype("<u2").tobytes()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        files.append(str(folder / f"{i:03d}.dcm"))
        image.save_as(files[-1], enforce_file_format=True)
    return files


def write_cohort(folder: Path, edge: int, studies: int) -> Path:
    rows = []
    for n in range(studies):
        files = write_series(folder / "scans" / f"{n:03d}", edge, n)
        content_hash = read_series(files).content_hash
        rows.append((f"p{n}", f"s{n:03d}", content_hash, files, True))
    columns = ["patient", "study", "content_hash", "files", "chosen"]
    cohort = folder / "cohort"
    write_table(cohort / "scans.parquet", pl.DataFrame(rows, schema=columns, orient="row"))
    write_facts(cohort, synthetic=True)
    return cohort


@dataclass(frozen=True)
class Speed:
    """Slices per second on the clock, and per second of processor time of all processes."""

    clock: float
    processor: float


class Watch:
    """Clock and processor time (own and finished children's) since it was made."""

    def __init__(self) -> None:
        self._clock, self._used = time.perf_counter(), self._processor()

    def speed(self, slices: int) -> Speed:
        seconds = time.perf_counter() - self._clock
        return Speed(slices / seconds, slices / (self._processor() - self._used))

    @staticmethod
    def _processor() -> float:
        return sum(os.times()[:4])


def time_embed(cohort: Path, backbone: Backbone, studies: int, workers: int) -> Speed:
    watch = Watch()
    cache = embed(cohort, backbone, workers=workers, overwrite=True).cache
    speed = watch.speed(studies * SLICES)
    assert len(cache) == studies
    return speed


def _bare_worker(backbone: Backbone, ready: list[Tensor], studies: int) -> None:
    torch.set_num_threads(1)
    with torch.inference_mode():
        for n in range(studies):
            for chunk in ready[n % len(ready)].split(CHUNK):
                backbone(chunk)


def time_bare(backbone: Backbone, ready: list[Tensor], studies: int, workers: int) -> Speed:
    context = multiprocessing.get_context("fork")
    shares = [len(range(w, studies, workers)) for w in range(workers)]
    watch = Watch()
    processes = [context.Process(target=_bare_worker, args=(backbone, ready, n)) for n in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    speed = watch.speed(studies * SLICES)
    assert all(process.exitcode == 0 for process in processes)
    return speed


def measure(name: str, edge: int, studies: int, workers: int, rounds: int) -> str:
    backbone = load(name)
    with tempfile.TemporaryDirectory() as temporary:
        cohort = write_cohort(Path(temporary), edge, studies)
        some = Cohort(cohort).chosen()["files"].to_list()[:4]
        ready = [to_pixels(read_series(files), backbone.contract)[0] for files in some]
        pairs = []
        for _ in range(rounds):
            bare = time_bare(backbone, ready, studies, workers)
            pairs.append((time_embed(cohort, backbone, studies, workers), bare))
    found, bare = (
        statistics.median(s.clock for s in column) for column in zip(*pairs, strict=True)
    )
    clock = [a.clock / b.clock for a, b in pairs]
    processor = [a.processor / b.processor for a, b in pairs]
    target = TARGETS[name.partition(":")[0]]
    row = f"| {backbone.name} | {edge} | {studies} | {found:.1f} | {bare:.1f} "
    return f"{row}| {shown(clock)} | {shown(processor)} | {target} |"


def shown(ratios: list[float]) -> str:
    """The median, and every round's."""
    return f"{statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder of a transformers checkpoint")
    parser.add_argument("--studies", type=int, default=40)
    parser.add_argument("--weights-studies", type=int, default=12, help="of the slower network")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    runs = [("efficientnet_lite0", given.studies)]
    if given.weights:
        runs.append((f"hf:{given.weights}", given.weights_studies))
    asked = [f"--studies {given.studies}", f"--rounds {given.rounds}"]
    if given.weights:
        asked += [
            f"--weights-studies {given.weights_studies}",
            f"--weights .../{given.weights.name}",
        ]
    command = " ".join(["python experiments/speed_embed.py", *asked])
    lines = [
        "# Embedding, against the bare backbone",
        "",
        f"`{command}`; {SLICES} slices a study, {given.workers} forked processes of one thread "
        f"each for both, {given.rounds} rounds in turn, medians. Random head-like DICOM series, "
        "uncompressed, files in the page cache. `embed()` includes starting its processes, reading "
        "the files, checking their content hash, preparing pixels and writing the cache. Other "
        "work that shares the cores blurs the clock; processor time leaves it out.",
        "",
        f"{cpu()}, {multiprocessing.cpu_count()} cores, load {os.getloadavg()[0]:.1f} when it "
        f"started. Python {platform.python_version()}, torch {torch.__version__}.",
        "",
        "| backbone | pixels | studies | embed(), slices/s | bare, slices/s | ratio by the clock "
        "| ratio by processor time | target |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, studies in runs:
        for edge in (256, 512):
            lines.append(measure(name, edge, studies, given.workers, given.rounds))
            print(lines[-1], flush=True)
    given.out.write_text("\n".join(lines) + "\n")


def cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"


if __name__ == "__main__":
    main()
