"""How often do molre's 95 % intervals hold the truth, and its tests find what is not there?

Scores are drawn so that the true AUC is known, in three shapes: ``equal`` (two normal
distributions of one width), ``wide`` (positives vary 1.5 times as much: faint and gross ones) and
``missed`` (part of the positives look like negatives). The printed interval is the score interval
of ``molre.evaluation.score_interval``; DeLong's on the logit scale and the percentile bootstrap
stand beside it.

    python experiments/interval_coverage.py            # about half an hour on one core
    python experiments/interval_coverage.py --reps 200 # a look
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import norm

from molre.evaluation.bootstrap import bootstrap_aucs, percentile_interval, two_sided_p
from molre.evaluation.delong import delong, logit_interval
from molre.evaluation.score_interval import score_interval

AUCS = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
POSITIVES = (10, 20, 50, 100, 200)
SHAPES = ("equal", "wide", "missed")
STUDIES = 1000
DRAWS = 500
SCANS = 3  # of a patient, where they are clustered

Array = np.ndarray


def positive_scores(shape: str, auc: float, noise: Array, missed: Array) -> Array:
    """Scores of positives against standard normal negatives, with this AUC exactly.

    Args:
        shape: of the distribution.
        auc: true.
        noise: standard normal, any shape.
        missed: uniform, broadcast against it: which positives look like negatives.
    """
    if shape == "equal":
        return noise + norm.ppf(auc) * np.sqrt(2)
    if shape == "wide":
        return 1.5 * noise + norm.ppf(auc) * np.sqrt(1 + 1.5**2)
    share = min(0.3, 1.2 * (1 - auc))
    rest = (auc - share / 2) / (1 - share)
    return noise + np.where(missed < share, 0.0, norm.ppf(rest) * np.sqrt(2))


def samples(
    rng: np.random.Generator, shape: str, auc: float, positives: int, negatives: int, reps: int
) -> tuple[Array, Array]:
    """(reps, N) scores and (N,) labels, positives first."""
    noise = rng.normal(size=(reps, positives + negatives))
    missed = rng.random((reps, positives))
    noise[:, :positives] = positive_scores(shape, auc, noise[:, :positives], missed)
    return noise, np.repeat([1.0, 0.0], [positives, negatives])


def held(intervals: list[tuple[float, float]], auc: float) -> float:
    return float(np.mean([low <= auc <= high for low, high in intervals]))


def single(rng: np.random.Generator, reps: int) -> Iterator[str]:
    """One study a patient: coverage by shape, positives and AUC."""
    results: dict[tuple[str, str, int, int, float], float] = {}
    widths: dict[tuple[str, int, int, float], list[float]] = {}
    designs = [(p, STUDIES - p) for p in POSITIVES] + [(p, p) for p in POSITIVES]
    for shape, (m, n), auc in itertools.product(SHAPES, designs, AUCS):
        scores, labels = samples(rng, shape, auc, m, n, reps)
        fits = [delong(row, labels) for row in scores]
        pairs = [(float(one.aucs[0]), float(one.covariance[0, 0])) for one in fits]
        logit = [logit_interval(a, v, min(m, n)) for a, v in pairs]
        score = [score_interval(a, v, m, n) for a, v in pairs]
        results["score", shape, m, n, auc] = held(score, auc)
        results["logit", shape, m, n, auc] = held(logit, auc)
        ratio = np.median([high - low for low, high in score])
        ratio /= max(1e-9, np.median([high - low for low, high in logit]))
        widths.setdefault(("ratio", m, n, auc), []).append(float(ratio))
        if (m, n) in designs[:3]:
            few = min(reps, max(50, reps // 4))
            drawn = bootstrap_aucs(
                scores[:few].T[None], labels_of(labels, few), range_names(m + n), draws=DRAWS
            )
            boot = [percentile_interval(drawn[0, :, k]) for k in range(few)]
            results["percentile bootstrap", shape, m, n, auc] = held(boot, auc)
    error = np.sqrt(0.05 * 0.95 / reps)
    yield f"## One study a patient\n\nMonte Carlo standard error {error:.3f} at .95. Each cell: coverage"
    yield "at the shapes equal / wide / missed.\n"
    titles = {
        "score": "**Score interval (printed)**",
        "logit": "DeLong, logit scale",
        "percentile bootstrap": f"Percentile bootstrap ({DRAWS} draws, a quarter of the repeats)",
    }
    for method, title in titles.items():
        yield f"{title}\n"
        yield from table(
            [
                (f"{m} + {n}", [
                    " / ".join(decimal(results[method, s, m, n, a]) for s in SHAPES) for a in AUCS
                ])
                for m, n in designs if (method, SHAPES[0], m, n, AUCS[0]) in results
            ],
            "positives + negatives", AUCS,
        )  # fmt: skip
    yield "Median width of the score interval over that of DeLong's on the logit scale, by shape\n"
    yield from table(
        [
            (f"{m} + {n}", [
                " / ".join(f"{w:.2f}" for w in widths["ratio", m, n, a]) for a in AUCS
            ])
            for m, n in designs
        ],
        "positives + negatives", AUCS,
    )  # fmt: skip


def clustered(rng: np.random.Generator, reps: int) -> Iterator[str]:
    """Several scans a patient, alike or nearly the same."""
    yield f"## {SCANS} scans a patient\n"
    yield "The finding is the patient's; `alike` is the share of the scores' variance that a patient's"
    yield "scans have in common, within class. Shape `equal`, 270 negative patients. Cells: score interval"
    yield "with Obuchowski's variance (printed) / the same on the logit scale / patient bootstrap /"
    yield "DeLong as if scans were patients.\n"
    few, rows = max(100, reps // 4), []
    for m, alike in itertools.product((10, 20, 50), (0.0, 0.5, 0.9)):
        cells = []
        for auc in AUCS:
            patients = np.repeat([f"p{i:04d}" for i in range(m + 270)], SCANS)
            labels = np.repeat([1.0, 0.0], [m * SCANS, 270 * SCANS])
            common = np.repeat(rng.normal(size=(few, m + 270)), SCANS, axis=1)
            noise = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=common.shape)
            scores = noise + labels * norm.ppf(auc) * np.sqrt(2)
            fits = [delong(row, labels, patients) for row in scores]
            naive = [delong(row, labels) for row in scores]
            at = [(float(f.aucs[0]), float(f.covariance[0, 0])) for f in fits]
            drawn = bootstrap_aucs(scores.T[None], labels_of(labels, few), patients, draws=DRAWS)
            cells.append(
                " / ".join(
                    decimal(held(made, auc))
                    for made in (
                        [score_interval(a, v, m, 270) for a, v in at],
                        [logit_interval(a, v, m) for a, v in at],
                        [percentile_interval(drawn[0, :, k]) for k in range(few)],
                        [f.interval(np.ones(1)) for f in naive],
                    )
                )
            )
        rows.append((f"{m}, {alike}", cells))
    yield from table(rows, "positive patients, alike", AUCS)


def macro(rng: np.random.Generator, reps: int) -> Iterator[str]:
    """The macro AUC's patient bootstrap, and the test of two models that are equally good."""
    yield "## Macro AUC and tests\n"
    yield f"{STUDIES} studies, findings independent, shape `equal`; two models of the same true AUC whose"
    yield "scores correlate by one half. Cells: coverage of the macro AUC's percentile patient bootstrap /"
    yield "share of p < 0.05 of the macro difference (bootstrap) / of one finding (paired DeLong).\n"
    few, rows = max(50, reps // 10), []
    names = range_names(STUDIES)
    for findings, m in itertools.product((1, 5, 20), (10, 20, 50)):
        cells = []
        for auc in (0.7, 0.8, 0.9, 0.95):
            inside, macro_p, single_p = [], [], []
            for _ in range(few):
                labels = np.zeros((STUDIES, findings))
                for k in range(findings):
                    labels[rng.choice(STUDIES, m, replace=False), k] = 1
                common = rng.normal(size=labels.shape)
                own = rng.normal(size=(2, *labels.shape))
                scores = np.sqrt(0.5) * (common + own) + labels * norm.ppf(auc) * np.sqrt(2)
                drawn = bootstrap_aucs(scores, labels, names, draws=DRAWS).mean(axis=2)
                low, high = percentile_interval(drawn[0])
                inside.append(low <= auc <= high)
                macro_p.append(two_sided_p(drawn[0] - drawn[1]) < 0.05)
                tests = delong(scores[:, :, 0], labels[:, 0]).test(np.array([1.0, -1.0]))
                single_p.append(tests.p < 0.05)
            cells.append(
                " / ".join(decimal(float(np.mean(x))) for x in (inside, macro_p, single_p))
            )
        rows.append((f"{findings}, {m}", cells))
    yield from table(rows, "findings, positives each", (0.7, 0.8, 0.9, 0.95))
    yield f"{few} repeats a cell: Monte Carlo standard error {np.sqrt(0.05 * 0.95 / few):.3f}."


def labels_of(labels: Array, findings: int) -> Array:
    return np.repeat(labels[:, None], findings, axis=1)


def range_names(count: int) -> list[str]:
    return [f"p{i:04d}" for i in range(count)]


def decimal(share: float) -> str:
    return f"{share:.3f}".removeprefix("0")


def table(
    rows: list[tuple[str, list[str]]], first: str, columns: tuple[float, ...]
) -> Iterator[str]:
    yield f"| {first} | " + " | ".join(f"AUC {c:g}" for c in columns) + " |"
    yield "| --- |" + " --- |" * len(columns)
    for name, cells in rows:
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    started = time.process_time()
    parts: list[Callable[[np.random.Generator, int], Iterator[str]]] = [single, clustered, macro]
    lines = ["# Coverage of the printed intervals, by simulation", ""]
    lines += [f"`python experiments/interval_coverage.py --reps {given.reps}`", ""]
    for i, part in enumerate(parts):
        lines += [*part(np.random.default_rng([20, i]), given.reps), ""]
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines.append(f"{(time.process_time() - started) / 60:.0f} minutes of one core.")
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
