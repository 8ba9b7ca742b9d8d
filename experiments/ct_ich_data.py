"""Data of `ct_ich.py`: CT-ICH (38 patients) and PHE-SICH (27 patients) as embeddings and labels.

For experiments only: molre itself refuses windowed pictures, which are not in HU, and no model for
`molre predict` may be made of them. Both sets are 8-bit pictures, so the usual three HU windows
cannot be made: the channels are brain, brain, bone. PHE-SICH has one window only; its bone channel
is the mean bone-window gray level that a brain-window gray level has in CT-ICH. Its pictures lie on
their side: rows and columns are transposed (the nose is then up), and patient 0144 is turned by 180
degrees after that.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from molre.backbones.backbone import Backbone
from molre.backbones.catalogue import load
from molre.progress import track
from molre.runs.studies import Studies

FINDINGS = (
    "intraventricular", "intraparenchymal", "subarachnoid", "epidural", "subdural",
    "any_hemorrhage", "fracture",
)  # fmt: skip
ANY = FINDINGS.index("any_hemorrhage")
UPSIDE_DOWN = {"0144"}  # of PHE-SICH, after transposing
CHANNELS = "brain, brain, bone 1"  # another number where pixels are made in another way
BATCH = 16
FOLDS = 6
DEALS = 20_000  # of patients to folds, of which the most even is taken


@dataclass(frozen=True)
class Picture:
    """One slice: its name, patient, number in the scan, labels, and where its pixels are."""

    name: str
    patient: str
    number: int
    labels: tuple[float, ...]
    brain: Path
    bone: Path | None


@dataclass(frozen=True)
class Slices:
    """Embedded slices, each a scan of one slice.

    Attributes:
        names, patients: N.
        labels: float32 (N, K) of 1, 0 and nan.
        embeddings: float32 (N, D).
    """

    names: tuple[str, ...]
    patients: tuple[str, ...]
    labels: np.ndarray
    embeddings: torch.Tensor

    @property
    def name(self) -> str:
        """Tells these slices apart from others."""
        return f"{len(self.names)} slices of {len(set(self.patients))} patients"

    @cached_property
    def _at(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def __contains__(self, content_hash: str) -> bool:
        return content_hash in self._at

    def get(self, content_hash: str) -> torch.Tensor:
        """One slice (1, D)."""
        return self.embeddings[self._at[content_hash]].unsqueeze(0)

    def index(self, content_hash: str) -> np.ndarray:
        """Int (1,): its place in its scan."""
        return np.array([int(content_hash.rpartition("-")[2])])

    def studies(self, patients: set[str] | None = None) -> Studies:
        """Those of some patients, or all of them, in order."""
        rows = [i for i, p in enumerate(self.patients) if patients is None or p in patients]
        names = tuple(self.names[i] for i in rows)
        return Studies(names, tuple(self.patients[i] for i in rows), names, self.labels[rows])

    def by_patient(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """Largest score and label of each patient: (..., P, K), (P, K), and the P patients."""
        people = tuple(sorted(set(self.patients)))
        rows = [np.flatnonzero(np.array(self.patients) == p) for p in people]
        largest = np.stack([scores[..., r, :].max(axis=-2) for r in rows], axis=-2)
        return largest, np.stack([self.labels[r].max(axis=0) for r in rows]), people

    def of(self, patients: set[str]) -> Slices:
        """Of some patients."""
        rows = [i for i, p in enumerate(self.patients) if p in patients]
        kept = self.studies(patients)
        return Slices(kept.study, kept.patient, kept.targets, self.embeddings[rows])


def ct_ich(data: Path) -> list[Picture]:
    """Both folders of CT-ICH, patients joined, a slice that is in both taken once."""
    found: dict[str, Picture] = {}
    for folder in (data / "ct_ich_slices", data / "ct_ich_more"):
        for row in _rows(folder):
            patient, number = f"{int(row['patient']):03d}", int(row["slice"])
            name = f"ct-{patient}-{number:02d}"
            labels = tuple(float(row[finding]) for finding in FINDINGS)
            paths = folder / row["brain_path"], folder / row["bone_path"]
            found.setdefault(name, Picture(name, patient, number, labels, *paths))
    return [found[name] for name in sorted(found)]


def phe_sich(data: Path) -> list[Picture]:
    """PHE-SICH: 1 where edema is drawn around the blood, nan on the slices next to one, else 0.

    Blood itself is not labeled. A slice beside the ring may show it, so it counts for neither.
    """
    rows = _rows(data / "phe_sich_ct")
    drawn = {
        (row["patient"], int(row["slice"])) for row in rows if row["perihematomal_edema"] == "1"
    }
    pictures = []
    for row in rows:
        patient, number = row["patient"], int(row["slice"])
        beside = {(patient, number - 2), (patient, number + 2)} & drawn  # every second is there
        label = 1.0 if (patient, number) in drawn else float("nan") if beside else 0.0
        name, path = f"phe-{patient}-{number:02d}", data / "phe_sich_ct" / row["path"]
        pictures.append(Picture(name, patient, number, (label,), path, None))
    return pictures


def _rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "labels.csv", newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def embedded(data: Path, weights: Path, kept: Path) -> tuple[Slices, Slices]:
    """CT-ICH and PHE-SICH, each slice embedded once; what an earlier run embedded is taken.

    Args:
        data: folder that holds the three data sets.
        weights: folder of the backbone.
        kept: folder for the embeddings.
    """
    inside, outside = ct_ich(data), phe_sich(data)
    names = [picture.name for picture in (*inside, *outside)]
    digest = hashlib.sha256((weights / "model.safetensors").read_bytes())
    digest.update(f"{CHANNELS} {names}".encode())
    path = kept / f"embeddings-{digest.hexdigest()[:16]}.safetensors"
    if not path.is_file():
        kept.mkdir(parents=True, exist_ok=True)
        found = _embed([*inside, *outside], load(f"hf:{weights}"), bone_levels(inside))
        save_file({"embeddings": found}, path)
    embeddings = load_file(path)["embeddings"]
    return (
        _slices(inside, embeddings[: len(inside)]),
        _slices(outside, embeddings[len(inside) :]),
    )


def _slices(pictures: list[Picture], embeddings: torch.Tensor) -> Slices:
    return Slices(
        tuple(p.name for p in pictures),
        tuple(p.patient for p in pictures),
        np.array([p.labels for p in pictures], dtype=np.float32),
        embeddings,
    )


def _embed(pictures: list[Picture], backbone: Backbone, levels: np.ndarray) -> torch.Tensor:
    contract = backbone.contract
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (contract.mean, contract.std))
    found = []
    with torch.inference_mode():
        for start in track(range(0, len(pictures), BATCH), "embedding slices, 16 at a time"):
            batch = pictures[start : start + BATCH]
            pixels = np.stack([_channels(picture, contract.size, levels) for picture in batch])
            found.append(backbone((torch.from_numpy(pixels) - mean) / std).pooled.float())
    return torch.cat(found)


def _channels(picture: Picture, size: int, levels: np.ndarray) -> np.ndarray:
    """Float32 (3, size, size) in 0 to 1: brain, brain, bone, nose up."""
    brain = _gray(picture.brain)
    if picture.bone is None:
        brain = brain.transpose(Image.Transpose.TRANSPOSE)
        if picture.patient in UPSIDE_DOWN:
            brain = brain.transpose(Image.Transpose.ROTATE_180)
        bone = Image.fromarray(levels[np.asarray(brain)])
    else:
        bone = _gray(picture.bone)
    resized = (one.resize((size, size), Image.Resampling.BILINEAR) for one in (brain, brain, bone))
    return np.stack([np.asarray(one, dtype=np.float32) / 255 for one in resized])


def _gray(path: Path) -> Image.Image:
    return Image.open(path).convert("L")


def bone_levels(pictures: list[Picture]) -> np.ndarray:
    """Uint8 (256,): mean bone-window gray level of each brain-window gray level in CT-ICH."""
    total, count = np.zeros(256), np.zeros(256)
    for picture in track(pictures, "reading both windows"):
        assert picture.bone is not None
        brain, bone = (np.asarray(_gray(p)).ravel() for p in (picture.brain, picture.bone))
        total += np.bincount(brain, bone.astype(float), minlength=256)
        count += np.bincount(brain, minlength=256)
    return np.round(total / np.maximum(count, 1)).astype(np.uint8)


def folds(slices: Slices) -> list[set[str]]:
    """The patients of each fold, every finding spread as evenly over folds as a search finds.

    Fold i is tested with fold i + 1 as its tune patients; no finding may be missing from the
    patients that are left to train on.
    """
    _, labels, people = slices.by_patient(slices.labels)
    rng, deal = np.random.default_rng(0), np.arange(len(people)) % FOLDS
    best, least = deal, np.inf
    for _ in range(DEALS):
        deal = rng.permutation(deal)
        counts = np.stack([labels[deal == i].sum(axis=0) for i in range(FOLDS)])
        train = counts.sum(axis=0) - counts - np.roll(counts, -1, axis=0)
        uneven = float((counts.var(axis=0) / counts.mean(axis=0)).sum())
        if train.min() > 0 and uneven < least:
            best, least = deal, uneven
    return [{p for p, f in zip(people, best, strict=True) if f == i} for i in range(FOLDS)]
