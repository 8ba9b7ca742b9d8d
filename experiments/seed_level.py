"""How often does a comparison of two arms of one worth find a difference, when seeds differ?

Two arms whose trainings are, on average, equally good; the AUC of a training varies from seed to
seed by a known standard deviation, and trainings share most of their noise, as those on one frozen
backbone do. Shares of p below .05, unadjusted, of the difference of macro AUC: as ``molre compare``
prints it (patients resampled, seeds by Welch), with the seeds resampled as well, and of these
trained models alone; and as printed of one finding. All simulated.

    python experiments/seed_level.py            # some minutes on one core
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import norm

from molre.evaluation.statistics.auc import auc_by_finding
from molre.evaluation.statistics.bootstrap import bootstrap_aucs, two_sided_p
from molre.evaluation.statistics.delong import delong
from molre.evaluation.statistics.seeds import seed_spread, student_test

STUDIES, POSITIVES, FINDINGS, DRAWS = 200, 50, 3, 300
AUC = 0.75
SKILL = float(norm.ppf(AUC) * np.sqrt(2))
SLOPE = float(norm.pdf(SKILL / np.sqrt(2)) / np.sqrt(2))  # of the AUC by the skill
SEEDS = ((3, 3), (5, 5), (2, 2))
SPREADS = ((0.0, 0.0), (0.005, 0.005), (0.01, 0.01), (0.02, 0.02), (0.02, 0.0))
SHARED, OWN, SEED = 0.7, 0.2, 0.1  # of the variance of a score: of the backbone, arm and training

Array = np.ndarray


def arm(rng: np.random.Generator, common: Array, labels: Array, seeds: int, spread: float) -> Array:
    """(R, N, K) scores of an arm whose AUC varies by ``spread`` from seed to seed."""
    skill = SKILL + spread / SLOPE * rng.normal(size=(seeds, 1, 1))
    noise = np.sqrt(SHARED) * common + np.sqrt(OWN) * rng.normal(size=common.shape)
    own = np.sqrt(SEED) * rng.normal(size=(seeds, *common.shape))
    return np.asarray(skill * labels + noise + own)


def found(rng: np.random.Generator, seeds: tuple[int, int], spreads: tuple[float, float]) -> Array:
    """Whether each of the four tests finds a difference, in one sample."""
    labels = np.zeros((STUDIES, FINDINGS))
    for k in range(FINDINGS):
        labels[rng.choice(STUDIES, POSITIVES, replace=False), k] = 1
    common = rng.normal(size=labels.shape)
    scores = [arm(rng, common, labels, r, s) for r, s in zip(seeds, spreads, strict=True)]
    names = [f"p{i:03d}" for i in range(STUDIES)]
    aucs = [np.array([auc_by_finding(one, labels) for one in each]) for each in scores]
    drawn = bootstrap_aucs(np.concatenate(scores), labels, names, draws=DRAWS).mean(axis=2)
    first, second = drawn[: seeds[0]], drawn[seeds[0] :]  # (R, B) of each arm
    patients = first.mean(axis=0) - second.mean(axis=0)
    over = seed_spread(*(each.mean(axis=1) for each in aucs))
    printed = two_sided_p(patients + over.draws(DRAWS, 0))
    again = two_sided_p(resampled(rng, first) - resampled(rng, second))
    every = (printed, again, two_sided_p(patients), of_one_finding(scores, aucs, labels))
    return np.array([p < 0.05 for p in every])


def of_one_finding(scores: list[Array], aucs: list[Array], labels: Array) -> float:
    """p of the first finding, as a comparison prints it where one scan a patient was made."""
    weights = np.concatenate(
        [np.full(len(one), sign / len(one)) for one, sign in zip(scores, (1, -1), strict=True)]
    )
    value, variance = delong(np.concatenate(scores)[:, :, 0], labels[:, 0]).contrast(weights)
    whole = seed_spread(aucs[0][:, 0], aucs[1][:, 0]).joined(variance)
    return student_test(value, *whole, 0.95)[2]


def resampled(rng: np.random.Generator, drawn: Array) -> Array:
    """(B,) means over seeds that are drawn with replacement, anew for each resample of patients."""
    seeds, draws = drawn.shape
    picked = rng.integers(0, seeds, size=(seeds, draws))
    return np.asarray(np.take_along_axis(drawn, picked, axis=0).mean(axis=0))


def rows(reps: int) -> Iterator[str]:
    heads = [
        "no spread" if not any(pair) else f"sd {pair[0]:g} and {pair[1]:g}" for pair in SPREADS
    ]
    yield "| seeds of each arm | " + " | ".join(heads) + " |"
    yield "| --- |" + " --- |" * len(SPREADS)
    for i, seeds in enumerate(SEEDS):
        cells = []
        for j, spreads in enumerate(SPREADS):
            rng = np.random.default_rng([21, i, j])
            shares = np.mean([found(rng, seeds, spreads) for _ in range(reps)], axis=0)
            cells.append(" / ".join(f"{share:.3f}".removeprefix("0") for share in shares))
        print(seeds, cells, flush=True)
        yield f"| {seeds[0]} and {seeds[1]} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    error = np.sqrt(0.05 * 0.95 / given.reps)
    text = [
        "# What a comparison finds where arms differ by their seeds alone, by simulation",
        "",
        f"`python experiments/seed_level.py --reps {given.reps}`",
        "",
        f"{STUDIES} patients, {FINDINGS} findings of {POSITIVES} positives, AUC {AUC}; the standard",
        "deviation of a training's AUC from seed to seed heads each column, for the one arm and the",
        "other, whose mean AUC is the same. Shares of p < 0.05, unadjusted: **macro difference as",
        "printed** / the same with seeds resampled too, as if the few were many / of these trained",
        f"models alone / one finding as printed. {given.reps} repeats a cell: Monte Carlo standard",
        f"error {error:.3f}. With two seeds what is printed speaks of these trained models alone, and",
        "the verdict says so.",
        "",
        *rows(given.reps),
    ]
    given.out.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
