"""Real slices, real labels: any hemorrhage per slice on 16 patients of CT-ICH (Hssayeni 2020).

Slices come as 8-bit brain- and bone-window pictures, so the usual three HU windows cannot be made:
the channels are brain, brain, bone. Each slice is embedded once with the imgfocus ViT-S, then
`frozen`, `mlp_matched` and `molre` are trained per fold. Patients are grouped: eight outer folds of
two patients; four further patients of each fold stop training early. Every arm has the same
learning rates, budget and seeds; the rate is chosen on the fold's own tune patients.

    python experiments/ct_ich.py SHARED/data/ct_ich_slices SHARED/weights/vit_small_patch14_imgfocus
"""

from __future__ import annotations

import argparse
import csv
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from molre.arms.arms import ARMS
from molre.backbones.catalogue import load
from molre.evaluation.statistics.auc import auc
from molre.model.build import ClassifierSpec, build_classifier
from molre.runs.studies import Studies
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.inference import predict
from molre.training.trainer import Trainer

ARM_NAMES = ("frozen", "mlp_matched", "molre")
SEEDS = (0, 1, 2)
FOLDS = 8
RATES = (3e-4, 1e-3, 3e-3)
DRAWS = 2000


@dataclass(frozen=True)
class Slices:
    """All slices: embeddings (N, D), labels (N,), patients (N,)."""

    embeddings: torch.Tensor
    labels: np.ndarray
    patients: np.ndarray

    def get(self, content_hash: str) -> torch.Tensor:
        """One slice as a scan of one slice (1, D)."""
        return self.embeddings[int(content_hash)].unsqueeze(0)

    def studies(self, rows: np.ndarray) -> Studies:
        names = tuple(str(r) for r in rows)
        people = tuple(self.patients[rows].tolist())
        return Studies(names, people, names, self.labels[rows, None].astype(np.float32))


def embed_slices(folder: Path, weights: Path) -> Slices:
    backbone = load(f"hf:{weights}")
    size = backbone.contract.size
    mean = torch.tensor(backbone.contract.mean).view(3, 1, 1)
    std = torch.tensor(backbone.contract.std).view(3, 1, 1)
    pictures, labels, patients = [], [], []
    with open(folder / "labels.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        patient, number = f"p{int(row['patient'].lstrip('p')):03d}", int(row["slice"])
        brain = gray(folder / patient / "brain" / f"{number:02d}.jpg", size)
        bone = gray(folder / patient / "bone" / f"{number:02d}.jpg", size)
        pictures.append((torch.stack([brain, brain, bone]) - mean) / std)
        labels.append(int(row["any_hemorrhage"]))
        patients.append(patient)
    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 16):
            found.append(backbone(torch.stack(pictures[start : start + 16])).pooled.float())
    return Slices(torch.cat(found), np.array(labels), np.array(patients))


def gray(path: Path, size: int) -> torch.Tensor:
    picture = Image.open(path).convert("L").resize((size, size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)


def one_fold(slices: Slices, arm: str, test: set[str], tune: set[str], seed: int) -> np.ndarray:
    """Logits of the fold's test slices, from the rate that was best on tune."""
    where = np.arange(len(slices.labels))
    in_test = np.isin(slices.patients, list(test))
    in_tune = np.isin(slices.patients, list(tune))
    config = TrainConfig(arm=arm, seed=seed, learning_rates=RATES, patience=10, max_epochs=60)
    loaders = {
        name: Loader(slices, slices.studies(where[rows]), config.batch_size, seed)
        for name, rows in (
            ("train", ~in_test & ~in_tune),
            ("tune", in_tune),
            ("test", in_test),
        )
    }
    best, logits = -1.0, np.empty(0)
    for rate in RATES:
        torch.manual_seed(seed)
        dim = slices.embeddings.shape[1]
        model = build_classifier(ClassifierSpec(dim=dim, findings=1, adapter=ARMS[arm].slice.kind))
        model.center.copy_(model.normalize(slices.embeddings[~in_test & ~in_tune]).mean(0))
        done = Trainer.at_rate(rate, model, config, loaders["train"], loaders["tune"]).fit()
        if done.best_auc > best:
            best, logits = done.best_auc, predict(model, loaders["test"]).logits[:, 0]
    return logits


def folds(slices: Slices) -> list[tuple[set[str], set[str]]]:
    """Test patients and tune patients per fold; patients with and without blood in each."""
    people = sorted(set(slices.patients))
    bleeds = [p for p in people if slices.labels[slices.patients == p].any()]
    clean = [p for p in people if p not in bleeds]
    order = [p for pair in zip(bleeds, clean, strict=False) for p in pair]
    order += [p for p in people if p not in order]
    cut = [order[i::FOLDS] for i in range(FOLDS)]
    return [
        (set(cut[i]), set(cut[(i + 1) % FOLDS]) | set(cut[(i + 2) % FOLDS])) for i in range(FOLDS)
    ]


def intervals(slices: Slices, scores: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """95 % intervals of each arm and of its difference to frozen, resampling patients."""
    rng = np.random.default_rng(0)
    people = np.unique(slices.patients)
    rows_of = {p: np.flatnonzero(slices.patients == p) for p in people}
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(DRAWS):
        rows = np.concatenate([rows_of[p] for p in rng.choice(people, len(people))])
        y = slices.labels[rows].astype(float)
        for name, by_seed in scores.items():
            drawn[name].append(np.mean([auc(s[rows], y) for s in by_seed]))
    found = {name: np.nanpercentile(v, [2.5, 97.5]).tolist() for name, v in drawn.items()}
    for name in scores:
        gap = np.array(drawn[name]) - np.array(drawn["frozen"])
        found[f"{name} - frozen"] = np.nanpercentile(gap, [2.5, 97.5]).tolist()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("slices", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    torch.set_num_threads(2)
    slices = embed_slices(given.slices, given.weights)
    scores = {}
    for arm in ARM_NAMES:
        by_seed = np.zeros((len(SEEDS), len(slices.labels)))
        for seed in SEEDS:
            for test, tune in folds(slices):
                rows = np.isin(slices.patients, list(test))
                by_seed[seed, rows] = one_fold(slices, arm, test, tune, seed)
        scores[arm] = by_seed
    write(given.out, slices, scores)


def write(out: Path, slices: Slices, scores: dict[str, np.ndarray]) -> None:
    bounds = intervals(slices, scores)
    y = slices.labels.astype(float)
    lines = [
        "# Any hemorrhage per slice on 16 real patients (CT-ICH)",
        "",
        "`python experiments/ct_ich.py SHARED/data/ct_ich_slices "
        "SHARED/weights/vit_small_patch14_imgfocus`",
        "",
        f"{len(y)} slices, {int(y.sum())} with blood, {len(set(slices.patients))} patients; imgfocus "
        f"ViT-S embeddings (brain, brain, bone pictures), {FOLDS} patient-grouped folds, "
        f"{len(SEEDS)} seeds. Python {platform.python_version()}, torch {torch.__version__}, 2 cores.",
        "",
        "| arm | AUC, mean of seeds | spread over seeds | 95 % interval (patients resampled) "
        "| minus frozen, and its 95 % interval |",
        "| --- | --- | --- | --- | --- |",
    ]
    for arm, by_seed in scores.items():
        aucs = [auc(s, y) for s in by_seed]
        low, high = bounds[arm]
        gap = bounds[f"{arm} - frozen"]
        value = np.mean(aucs) - np.mean([auc(s, y) for s in scores["frozen"]])
        difference = "" if arm == "frozen" else f"{value:+.3f} [{gap[0]:+.3f}, {gap[1]:+.3f}]"
        lines.append(
            f"| {arm} | {np.mean(aucs):.3f} | {np.ptp(aucs):.3f} | [{low:.3f}, {high:.3f}] "
            f"| {difference} |"
        )
    lines += [
        "",
        "What it shows: the arms train on real slices, and what order of accuracy a small, general "
        "backbone reaches. An interval of a difference that leaves out 0 says that these trained models "
        "differ on patients like these sixteen, before any adjustment; it does not cover training "
        "again, though seeds spread as widely. What it cannot show: what an arm is worth, or anything "
        "of routing, as no router control was run. The grid of learning rates ends at "
        f"{max(RATES):g}, which may hold back one arm more than another; slices of one patient are "
        "alike; the logits of different folds are pooled into one AUC; the pictures are 8-bit with "
        "two windows; labels are as published. One patient is a newborn. Nothing here transfers to "
        "whole scans in HU.",
        "",
    ]
    out.write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
