"""Real data: does MoLRE at placement `slice` do better than its controls on 38 patients of CT-ICH?

Seven findings jointly, each slice a scan of one slice, embedded once with the imgfocus ViT-S. Six
folds of patients: one is tested, the next one tunes (early stopping and learning rate), four train.
Every arm has the same grid of learning rates, which widens by the rule of all runs, the same budget
and seeds, and is built as a run builds it. The fold models then read PHE-SICH, another hospital's
patients, where nothing is fitted. Arms, folds, endpoint and tests were fixed before these fits.

    python experiments/ct_ich.py SHARED/data SHARED/weights/vit_small_patch14_imgfocus --fits DIR

Fits are kept in DIR: the same command goes on where it stopped. `--small` (two folds, one seed, 60
steps) only shows that it runs, and prints instead of writing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ct_ich_data import ANY, FINDINGS, Slices, embedded, folds
from ct_ich_report import report
from scipy.special import expit

from molre import files
from molre.evaluation.comparison.contrasts import ArmsCompared, ArmScores, compare_arms
from molre.evaluation.comparison.verdict import ArmFacts
from molre.progress import track
from molre.runs.studies import Studies
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.fit_budget import FitBudget
from molre.training.inference import predict
from molre.training.placements.slice import search_classifier
from molre.training.presets import PRESETS

ARM_SETTINGS: dict[str, dict[str, Any]] = {
    "frozen": {"arm": "frozen"},
    "mlp_matched": {"arm": "mlp_matched"},
    "molre": {"arm": "molre"},
    "molre_paper": {"arm": "molre", **PRESETS["paper"]},
    "molre_random_router": {"arm": "molre_random_router"},
    "molre_shuffled": {"arm": "molre_shuffled"},
}
GRID = {"learning_rates": (3e-4, 1e-3, 3e-3)}  # widens for every arm while the best is at an edge
BUDGET = {"max_steps": 1200, "patience_steps": 300}
SMALL = {"max_steps": 60, "patience_steps": 30}


@dataclass(frozen=True)
class Plan:
    """What is run: patients of each fold, which folds are tested, seeds, budget."""

    folds: list[set[str]]
    tested: int
    seeds: tuple[int, ...]
    budget: dict[str, int]

    def config(self, arm: str, seed: int) -> TrainConfig:
        return TrainConfig(seed=seed, placement="slice", **GRID, **self.budget, **ARM_SETTINGS[arm])

    def tune(self, fold: int) -> set[str]:
        return self.folds[(fold + 1) % len(self.folds)]

    def train(self, fold: int) -> set[str]:
        return set().union(*self.folds) - self.folds[fold] - self.tune(fold)

    @property
    def test_patients(self) -> set[str]:
        return set().union(*self.folds[: self.tested])


@dataclass(frozen=True)
class Data:
    """CT-ICH, which is trained on and tested in folds, and PHE-SICH, which is only read."""

    inside: Slices
    outside: Slices


def fitted(config: TrainConfig, data: Data, plan: Plan, fold: int) -> dict[str, Any]:
    """One arm of one seed in one fold: its answers, and how it was trained."""
    began = time.perf_counter()
    train, tune, test = (
        _loader(data.inside, data.inside.studies(patients), config)
        for patients in (plan.train(fold), plan.tune(fold), plan.folds[fold])
    )
    outside = _loader(data.outside, data.outside.studies(), config)
    best, found = search_classifier(config, train, tune, data.inside.embeddings.shape[1])
    said = predict(best, test)
    return {
        "logits": said.logits.tolist(),
        "outside": predict(best, outside).logits[:, ANY].tolist(),
        "entropy": said.entropy,
        "tune_auc": found.best.best_auc,
        "rate": found.rate,
        "rates": len(found.scores),
        "at_edge": found.at_edge,
        "converged": found.best.stale(FitBudget.of(config, len(train.studies)).patience),
        "added": sum(p.numel() for p in best.adapter.parameters()),
        "seconds": time.perf_counter() - began,
    }


def _loader(slices: Slices, studies: Studies, config: TrainConfig) -> Loader:
    """A batch is one micro-batch: scans of one slice are so small that eight at a time are slow."""
    size = config.batch_size
    return Loader(slices, studies, size, config.seed, micro_batch=size)


def kept_or_fitted(
    arm: str, seed: int, fold: int, data: Data, plan: Plan, kept: Path
) -> dict[str, Any]:
    """The fit of an earlier run of the same choices and data, or a new one, which is kept."""
    config = plan.config(arm, seed)
    cut = [sorted(patients) for patients in plan.folds]
    digest = hashlib.sha256(f"{config.model_dump_json()} {cut} {fold}".encode())
    for slices in (data.inside, data.outside):
        digest.update(slices.embeddings.numpy().tobytes())
    path = kept / f"{arm}-seed-{seed}-fold-{fold}-{digest.hexdigest()[:12]}.json"
    if not path.is_file():
        files.write_text(path, json.dumps(fitted(config, data, plan, fold)))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Fits:
    """All fits by arm, seed and fold."""

    plan: Plan
    data: Data
    of: dict[tuple[str, int, int], dict[str, Any]]

    def each(self, arm: str) -> list[dict[str, Any]]:
        """Fits of an arm: seeds, and in each the folds."""
        return [
            self.of[arm, seed, fold] for seed in self.plan.seeds for fold in range(self.plan.tested)
        ]

    @property
    def tested(self) -> Slices:
        """Slices of all folds that were tested."""
        return self.data.inside.of(self.plan.test_patients)

    def logits(self, arm: str) -> np.ndarray:
        """(R, N, K) of the tested slices, each from the model that did not see its patient."""
        owners, plan = np.array(self.tested.patients), self.plan
        found = np.full((len(plan.seeds), len(owners), len(FINDINGS)), np.nan)
        for r, seed in enumerate(plan.seeds):
            for fold in range(plan.tested):
                rows = np.isin(owners, list(plan.folds[fold]))
                found[r, rows] = self.of[arm, seed, fold]["logits"]
        return found

    def outside(self, arm: str) -> np.ndarray:
        """(R, N, 1) of PHE-SICH: mean probability of any hemorrhage over the fold models."""
        logits = np.array([
            [self.of[arm, seed, fold]["outside"] for fold in range(self.plan.tested)]
            for seed in self.plan.seeds
        ])  # fmt: skip
        return expit(logits).mean(axis=1)[..., None]

    def facts(self, arm: str) -> ArmFacts:
        """How an arm was trained, all folds and seeds together."""
        each = self.each(arm)
        entropies = [fit["entropy"] for fit in each if fit["entropy"] is not None]
        return ArmFacts(
            placement="slice",
            entropy=float(np.mean(entropies)) if entropies else None,
            experts=self.plan.config(arm, 0).num_experts,
            converged=all(fit["converged"] for fit in each),
            at_edge=any(fit["at_edge"] for fit in each),
            added=each[0]["added"],
        )


def all_fits(data: Data, plan: Plan, kept: Path) -> Fits:
    """Every arm in every fold and seed; seeds come last, so that a stopped run has whole ones."""
    jobs = [
        (arm, seed, fold) for seed in plan.seeds for fold in range(plan.tested)
        for arm in ARM_SETTINGS
    ]  # fmt: skip
    found = {}
    for arm, seed, fold in track(jobs, "searching and fitting"):
        found[arm, seed, fold] = kept_or_fitted(arm, seed, fold, data, plan, kept)
    return Fits(plan, data, found)


def compared(fits: Fits) -> Iterator[tuple[str, ArmsCompared]]:
    """Arms per slice and per patient of CT-ICH, and per slice of PHE-SICH."""
    tested, outside = fits.tested, fits.data.outside
    arms = [
        ArmScores(arm, "ct_ich", fits.plan.seeds, fits.logits(arm), fits.facts(arm))
        for arm in ARM_SETTINGS
    ]
    yield "slice", compare_arms(arms, tested.labels, tested.patients, FINDINGS)
    _, labels, people = tested.by_patient(tested.labels)
    patients = [replace(arm, scores=tested.by_patient(arm.scores)[0]) for arm in arms]
    yield "patient", compare_arms(patients, labels, people, FINDINGS)
    arms = [replace(arm, scores=fits.outside(arm.name)) for arm in arms]
    yield "outside", compare_arms(arms, outside.labels, outside.patients, ("edema_around_blood",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "data", type=Path, help="folder with ct_ich_slices, ct_ich_more, phe_sich_ct"
    )
    parser.add_argument("weights", type=Path, help="folder of the imgfocus ViT-S")
    parser.add_argument("--fits", type=Path, required=True, help="folder for embeddings and fits")
    parser.add_argument("--seeds", type=int, default=5, help="training seeds of every arm")
    parser.add_argument("--small", action="store_true", help="two folds, one seed, 60 steps")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = Data(*embedded(given.data, given.weights, given.fits))
    cut = folds(data.inside)
    plan = Plan(cut, len(cut), tuple(range(given.seeds)), BUDGET)
    if given.small:
        plan = replace(plan, tested=2, seeds=(0,), budget=SMALL)
    fits = all_fits(data, plan, given.fits)
    machine = f"Python {platform.python_version()}, torch {torch.__version__}, one core"
    text = report(fits, dict(compared(fits)), machine)
    print(text)
    if not given.small:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
