"""How often do molre's 95 % intervals hold the truth, and its tests find what is not there?

Scores are drawn so that the true AUC is known, in three shapes: ``equal`` (two normal
distributions of one width), ``wide`` (positives vary 1.5 times as much: faint and gross ones) and
``missed`` (part of the positives look like negatives). The printed interval is the score interval
of ``molre.evaluation.statistics.score_interval``; DeLong's on the logit scale and the percentile bootstrap
stand beside it.

    python experiments/interval_coverage.py            # about half an hour on one core
    python experiments/interval_coverage.py --reps 200 # a look
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import norm

from molre.evaluation.endpoint import endpoint, supports
from molre.evaluation.finding_metrics import auc_interval
from molre.evaluation.statistics.bootstrap import bootstrap_aucs, percentile_interval, two_sided_p
from molre.evaluation.statistics.delong import delong, logit_interval
from molre.evaluation.statistics.macro_interval import macro_interval
from molre.evaluation.statistics.score_interval import score_interval

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
    yield f"## One study a patient\n\n{reps} repeats a cell: Monte Carlo standard error {error:.3f}. Each cell: coverage"
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
    yield f"{few} repeats a cell: Monte Carlo standard error {np.sqrt(0.05 * 0.95 / few):.3f}."


def macro(rng: np.random.Generator, reps: int) -> Iterator[str]:
    """The macro AUC's interval, and the test of two models that are equally good."""
    yield "## Macro AUC and tests\n"
    yield f"{STUDIES} studies, findings independent, shape `equal`; two models of the same true AUC whose"
    yield "scores correlate by one half. Cells: coverage of the macro AUC's interval, joined of score"
    yield "intervals (printed) / of its percentile patient bootstrap / share of p < 0.05 of the macro"
    yield "difference (bootstrap) / of one finding (paired DeLong).\n"
    few, rows = max(50, reps // 5), []
    aucs = (0.7, 0.8, 0.9, 0.95)
    for findings, m in itertools.product((1, 5, 20), (10, 20, 50)):
        cells = []
        for auc in aucs:
            seen = macro_seen(rng, findings, m, auc, few)
            cells.append(" / ".join(decimal(share) for share in seen))
        rows.append((f"{findings}, {m}", cells))
    yield from table(rows, "findings, positives each", aucs)
    yield f"{few} repeats a cell: Monte Carlo standard error {np.sqrt(0.05 * 0.95 / few):.3f}."


def macro_seen(
    rng: np.random.Generator, findings: int, positives: int, auc: float, reps: int
) -> list[float]:
    """Shares: joined interval holds, bootstrap holds, macro difference found, DeLong's found."""
    columns = findings * reps
    labels = np.zeros((STUDIES, columns))
    for k in range(columns):
        labels[rng.choice(STUDIES, positives, replace=False), k] = 1
    own = rng.normal(size=(2, *labels.shape))
    scores = np.sqrt(0.5) * (rng.normal(size=labels.shape) + own)
    scores += labels * norm.ppf(auc) * np.sqrt(2)
    names = tuple(range_names(STUDIES))
    # one call for all repeats: their data are independent, so they may share the resamples
    every = bootstrap_aucs(scores, labels, names, draws=DRAWS)
    seen = []
    for start in range(0, columns, findings):
        here = range(start, start + findings)
        drawn = every[:, :, start : start + findings]
        single = [auc_interval(scores[:1, :, k], labels[:, k], names) for k in here]
        joined, plain = macro_interval(single, drawn[0]), percentile_interval(drawn[0].mean(axis=1))
        test = delong(scores[:, :, start], labels[:, start]).test(np.array([1.0, -1.0]))
        seen.append(
            (
                joined[0] <= auc <= joined[1],
                plain[0] <= auc <= plain[1],
                two_sided_p((drawn[0] - drawn[1]).mean(axis=1)) < 0.05,
                test.p < 0.05,
            )
        )
    return [float(share) for share in np.mean(seen, axis=0)]


def hierarchy(rng: np.random.Generator, reps: int) -> Iterator[str]:
    """The macro AUC's interval where findings are parents and children of each other."""
    yield "## Macro AUC of parents and children\n"
    yield "1000 studies, six findings: a parent that is present where one of its two children is, a"
    yield "parent with one child only, whose labels are then the same, and one finding apart. Scores of"
    yield "a family share the given part of their variance, shape `equal`. Findings of the same labels"
    yield "count once in the mean, as in the endpoint. Cells: coverage of the macro AUC's interval as"
    yield "printed / of its percentile patient bootstrap, for one seed and for the mean of three, half"
    yield "of whose variance is their own.\n"
    few, rows = max(50, reps // 8), []
    aucs = (0.92,)
    for positives, alike in ((15, 0.0), (15, 0.9), (50, 0.9)):
        cells = []
        for auc in aucs:
            for seeds in (1, 3):
                seen = [family_seen(rng, positives, alike, auc, seeds) for _ in range(few)]
                cells.append(" / ".join(decimal(share) for share in np.mean(seen, axis=0)))
        print(positives, alike, cells, flush=True)
        rows.append((f"{positives}, {alike}", cells))
    names = [
        f"AUC {auc:g}, {'1 seed' if seeds == 1 else '3 seeds'}" for auc in aucs for seeds in (1, 3)
    ]
    yield "| positives of a child, alike | " + " | ".join(names) + " |"
    yield "| --- |" + " --- |" * len(names)
    for name, cells in rows:
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield f"\n{few} repeats a cell: Monte Carlo standard error {np.sqrt(0.05 * 0.95 / few):.3f}."


def family_seen(
    rng: np.random.Generator, positives: int, alike: float, auc: float, seeds: int
) -> tuple[bool, bool]:
    """Whether the printed interval holds the macro AUC, and the bootstrap's, in one sample."""
    drawn = [np.isin(np.arange(STUDIES), rng.choice(STUDIES, positives, False)) for _ in range(4)]
    first, second, only, apart = drawn
    labels = np.stack([first | second, first, second, only, only, apart], axis=1).astype(float)
    families = rng.normal(size=(STUDIES, 3))[:, [0, 0, 0, 1, 1, 2]]
    common = np.sqrt(alike) * families + np.sqrt(1 - alike) * rng.normal(size=labels.shape)
    own = rng.normal(size=(seeds, *labels.shape))
    noise = common[None] if seeds == 1 else np.sqrt(0.5) * (common + own)
    scores = noise + labels * norm.ppf(auc) * np.sqrt(2)
    names = tuple(range_names(STUDIES))
    primary = endpoint(supports(labels, list("abcdef"), names), labels)
    draws = bootstrap_aucs(scores, labels, names, draws=DRAWS).mean(axis=0)
    single = [auc_interval(scores[:, :, k], labels[:, k], names) for k in range(6)]
    joined = macro_interval(single, draws, primary.weights)
    plain = percentile_interval(primary.mean(draws))
    return joined[0] <= auc <= joined[1], plain[0] <= auc <= plain[1]


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
    parser.add_argument("--part", type=int, choices=(0, 1, 2, 3), help="that part alone, anew")
    given = parser.parse_args()
    parts: list[Callable[[np.random.Generator, int], Iterator[str]]] = [
        single,
        clustered,
        macro,
        hierarchy,
    ]
    old = given.out.read_text(encoding="utf-8") if given.part is not None else ""
    kept = [f"## {text.strip()}" for text in old.split("\n## ")[1:]]
    title = "# Coverage of the printed intervals, by simulation\n"
    title += (
        "\n`python experiments/interval_coverage.py`; each part says how often it was repeated."
    )
    made = []
    for i, part in enumerate(parts):
        if given.part in (None, i):
            made.append("\n".join(part(np.random.default_rng([20, i]), given.reps)).strip())
        else:
            made.append(kept[i] if i < len(kept) else "")
        given.out.write_text("\n\n".join([title, *made]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
