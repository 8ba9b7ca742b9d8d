"""Scans in memory that can be learnt, and a head for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from molre.model.build import ClassifierSpec, build_classifier
from molre.model.classifier import HeadCTClassifier
from molre.runs.studies import Studies
from molre.training.data import Loader

DIM, K = 16, 2


@dataclass(frozen=True)
class InMemory:
    """Embeddings by key."""

    scans: dict[str, torch.Tensor]

    def get(self, content_hash: str) -> torch.Tensor:
        return self.scans[content_hash]


def split(n: int, seed: int) -> tuple[InMemory, Studies]:
    """Scans of 3 to 8 slices; finding k is one slice pushed along axis k."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, (n, K)).astype(np.float32)
    scans = {}
    for i in range(n):
        scan = rng.normal(size=(rng.integers(3, 9), DIM)).astype(np.float32)
        for k in range(K):
            scan[rng.integers(len(scan)), k] += 6 * targets[i, k]
        scans[f"{seed}-{i}"] = torch.from_numpy(scan)
    names = tuple(scans)
    return InMemory(scans), Studies(names, names, names, targets)


def loader(n: int, seed: int) -> Loader:
    cache, studies = split(n, seed)
    return Loader(cache, studies, 16, seed=0)


def new_model(kind: str = "molre") -> HeadCTClassifier:
    torch.manual_seed(0)
    return build_classifier(
        ClassifierSpec(dim=DIM, findings=K, adapter=kind, r=2, dropout=0.1)  # type: ignore[arg-type]
    )
