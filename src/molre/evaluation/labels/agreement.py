"""How far two label tables agree: each finding, all together, and each of the four states.

In the binary numbers a cell is present, or not present (absent or not mentioned). Cells that either
table calls uncertain are apart: training leaves them out, so the numbers of what a model is trained
on do, too. The four states are compared beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from molre.evaluation.labels.cells import PRESENT, UNCERTAIN, Cells
from molre.evaluation.statistics.bootstrap import patient_weights, percentile_interval
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.kappa import kappa_estimate
from molre.evaluation.statistics.stratified import (
    METHOD,
    Stratum,
    drawn_counts,
    weighted_counts,
)
from molre.evaluation.statistics.two_by_two import MEASURES, measures, of_counts
from molre.labels.long_table import STATES

NUMBERS = (*MEASURES, "kappa")
DRAWS = 1000
MACRO = "mean over findings, patient bootstrap"
FEW = 10  # cases below which the page says that a number rests on few


@dataclass(frozen=True)
class Agreement:
    """What two tables say of one finding, or of all.

    Attributes:
        finding: id; ``micro`` for all cells together.
        n: compared cells.
        apart: of these, uncertain in either table: in no binary number.
        counts: tp, fp, fn, tn of the others; of a sample, estimates of the whole it was drawn from.
        numbers: each of :data:`NUMBERS`; None where there is no case, or kappa is undefined.
        kappa_states: kappa of the four states, nothing apart; None where undefined or of a sample.
        confusion: int (4, 4) as read, rows the first table, columns the second.
    """

    finding: str
    n: int
    apart: int
    counts: tuple[float, float, float, float]
    numbers: dict[str, Estimate | None]
    kappa_states: Estimate | None
    confusion: np.ndarray


@dataclass(frozen=True)
class LabelAudit:
    """Everything the page of two tables shows.

    Attributes:
        cells: that are compared.
        findings: an agreement each.
        micro: all cells together.
        macro: mean over the findings that have a number, with how many they are as its n.
        states: of each state against the three others, all cells, as read; empty of a sample.
        grouped: whether patients are known.
    """

    cells: Cells
    findings: tuple[Agreement, ...]
    micro: Agreement
    macro: dict[str, Estimate | None]
    states: dict[str, dict[str, Estimate | None]]
    grouped: bool


def label_audit(cells: Cells, *, grouped: bool, draws: int = DRAWS, seed: int = 0) -> LabelAudit:
    """Compare two tables.

    Args:
        cells: from :func:`molre.evaluation.labels.cells.compare_cells`.
        grouped: whether patients are known.
        draws: of the bootstrap and the posterior.
        seed: of both.
    """
    every = np.arange(len(cells.finding))
    order = np.argsort(cells.finding, kind="stable")
    ends = np.searchsorted(cells.finding[order], np.arange(len(cells.findings) + 1))
    found = tuple(
        _one(cells, name, order[ends[k] : ends[k + 1]], draws, seed)
        for k, name in enumerate(cells.findings)
    )
    states: dict[str, dict[str, Estimate | None]] = {}
    if cells.stratum is None:
        for code, state in enumerate(STATES):
            states[state] = measures(cells.first == code, cells.second == code, cells.patients)
    micro = _one(cells, "micro", every, draws, seed)
    return LabelAudit(cells, found, micro, _macro(cells, found, draws, seed), states, grouped)


def _one(cells: Cells, name: str, here: np.ndarray, draws: int, seed: int) -> Agreement:
    first, second, owner = cells.first[here], cells.second[here], cells.patients[here]
    confusion = np.bincount(first.astype(int) * 4 + second, minlength=16).reshape(4, 4)
    sure = (first != UNCERTAIN) & (second != UNCERTAIN)
    apart = int((~sure).sum())
    called, truth = first[sure] == PRESENT, second[sure] == PRESENT
    if cells.stratum is not None:
        counts, numbers = _of_sample(cells, here, draws, seed)
        return Agreement(name, len(here), apart, counts, numbers, None, confusion)
    tp, fp, fn, tn = (float(((called == a) & (truth == b)).sum()) for a, b in _ORDER)
    numbers = measures(called, truth, owner[sure])
    pair = called.astype(np.int64), truth.astype(np.int64)
    numbers["kappa"] = kappa_estimate(*pair, owner[sure], 2)
    whole = kappa_estimate(first, second, owner, 4)
    return Agreement(name, len(here), apart, (tp, fp, fn, tn), numbers, whole, confusion)


_ORDER = ((True, True), (True, False), (False, True), (False, False))


def _of_sample(
    cells: Cells, here: np.ndarray, draws: int, seed: int
) -> tuple[tuple[float, float, float, float], dict[str, Estimate | None]]:
    strata = _strata(cells, here)
    sure = (cells.first[here] != UNCERTAIN) & (cells.second[here] != UNCERTAIN)
    if not strata or not sure.any():
        return (0.0, 0.0, 0.0, 0.0), dict.fromkeys(NUMBERS)
    counts = weighted_counts(strata)
    values = of_counts(*(np.array(c) for c in counts))
    spread = of_counts(*drawn_counts(strata, max(draws, 1000), seed))
    numbers: dict[str, Estimate | None] = {}
    for name in NUMBERS:
        value = float(values[name])
        low, high = percentile_interval(spread[name])
        known = not np.isnan(value)
        numbers[name] = (
            Estimate(value, min(low, value), max(high, value), METHOD, int(sure.sum()))
            if known
            else None
        )
    return counts, numbers


def _strata(cells: Cells, here: np.ndarray) -> list[Stratum]:
    """Strata with a call; what the first table calls uncertain is apart."""
    assert cells.stratum is not None
    assert cells.sizes is not None
    made = []
    names, of = np.unique(cells.stratum[here], return_inverse=True)
    for k, name in enumerate(names):
        rows = here[of == k]
        first, second = cells.first[rows], cells.second[rows]
        if first[0] == UNCERTAIN:
            continue
        present, apart = int((second == PRESENT).sum()), int((second == UNCERTAIN).sum())
        made.append(
            Stratum(
                bool(first[0] == PRESENT),
                cells.sizes[str(name)],
                present,
                len(rows) - present - apart,
                apart,
            )
        )
    return made


def _macro(
    cells: Cells, found: tuple[Agreement, ...], draws: int, seed: int
) -> dict[str, Estimate | None]:
    """Means over the findings that have the number; each draw's over those of them that have it."""
    spread = _drawn(cells, draws, seed)
    macro: dict[str, Estimate | None] = {}
    for name in NUMBERS:
        have = [k for k, one in enumerate(found) if one.numbers[name] is not None]
        if not have:
            macro[name] = None
            continue
        values = [one.value for k in have if (one := found[k].numbers[name]) is not None]
        value = float(np.mean(values))
        low = high = float("nan")
        if spread is not None:
            drawn = spread(name)[:, have]
            some = ~np.isnan(drawn).all(axis=1)
            low, high = percentile_interval(np.nanmean(drawn[some], axis=1))
            low, high = min(low, value), max(high, value)
            if low == high:  # no draw differs, which says nothing of how sure it is
                low = high = float("nan")
        macro[name] = Estimate(value, low, high, MACRO, len(have))
    return macro


def _drawn(cells: Cells, draws: int, seed: int) -> Callable[[str], np.ndarray] | None:
    """Each number of each finding on resampled patients, (B, K); None of a sample."""
    if cells.stratum is not None:
        return None
    owner = np.unique(cells.patients, return_inverse=True)[1]
    people, k = int(owner.max()) + 1, len(cells.findings)
    sure = (cells.first != UNCERTAIN) & (cells.second != UNCERTAIN)
    called, truth = cells.first == PRESENT, cells.second == PRESENT
    quarter = np.where(called, np.where(truth, 0, 1), np.where(truth, 2, 3))
    flat = (owner * k + cells.finding) * 4 + quarter
    per = np.bincount(flat[sure], minlength=people * k * 4).reshape(people, k * 4)
    weights = patient_weights(people, draws, seed)
    drawn = (weights.astype(np.float32) @ per.astype(np.float32)).reshape(draws, k, 4)
    numbers = of_counts(*np.moveaxis(drawn.astype(np.float64), -1, 0))
    return lambda name: numbers[name]
