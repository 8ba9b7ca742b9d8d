"""Operating points: chosen on the calibrate split, frozen, then tested on the test split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit, logit
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.evaluation.endpoint import MINIMUM
from molre.evaluation.statistics.estimate import Estimate, columns
from molre.evaluation.statistics.intervals import LEVEL
from molre.evaluation.statistics.proportion import effective, share
from molre.runs.run import Run
from molre.thresholds import midpoint

CHOSEN = "chosen"
PREVALENCES = (0.01, 0.05, 0.2)  # stated ones, beside that of the test set
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Rule:
    """Hold ``kind`` (sensitivity or specificity) at ``target`` in the calibrate split."""

    kind: str
    target: float

    @property
    def name(self) -> str:
        """As tables print it."""
        return f"{self.kind} {self.target:.2f}"

    @property
    def needed(self) -> int:
        """Patients of the class it is about, so that one of them is not more than it allows."""
        return max(MINIMUM, math.ceil(1 / (1 - self.target) - _ROUNDING))


RULES = tuple(Rule(kind, at) for kind in ("specificity", "sensitivity") for at in (0.9, 0.95))


def choose(probabilities: FloatArray, labels: FloatArray, rule: Rule) -> float:
    """The threshold of a rule: the smallest that keeps the specificity, the largest sensitivity.

    It lies midway between the probabilities that it separates; where nothing lies between them, it
    is the upper one.

    Args:
        probabilities: (N,) of the calibrate split.
        labels: (N,) 1, 0 or nan; the rule's class must be there.
        rule: what to hold.
    """
    known = ~np.isnan(labels)
    every = np.unique(np.concatenate([[0.0, 1.0], probabilities[known]]))
    wanted = 1 if rule.kind == "sensitivity" else 0
    mine = np.sort(probabilities[labels == wanted])[::-1]
    if rule.kind == "sensitivity":
        last = mine[math.ceil(rule.target * len(mine) - _ROUNDING) - 1]
        below = every[every < last]
        return midpoint(float(below[-1]), float(last)) if len(below) else float(last)
    allowed = math.floor((1 - rule.target) * len(mine) + _ROUNDING)
    first = mine[allowed]  # the highest negative that must stay below
    above = every[every > first]
    if not len(above):
        return math.nextafter(float(first), 2.0)
    return midpoint(float(first), float(above[0]))


def operating_points(run: Run) -> pl.DataFrame:
    """One row a finding and rule: the threshold, and what it does in test.

    Args:
        run: with a calibrate split.
    """
    assert run.calibrate is not None
    rows = []
    for k, finding in enumerate(run.findings):
        p, y = run.calibrate.probabilities[:, k], run.calibrate.labels[:, k]
        owners = np.asarray(run.calibrate.patients)
        counts = {"sensitivity": int((y == 1).sum()), "specificity": int((y == 0).sum())}
        people = {
            "sensitivity": len(np.unique(owners[y == 1])),
            "specificity": len(np.unique(owners[y == 0])),
        }
        for rule in RULES:
            enough = people[rule.kind] >= rule.needed
            threshold = choose(p, y, rule) if enough else math.nan
            rows.append(
                {
                    "finding": finding,
                    "rule": rule.name,
                    "status": CHOSEN
                    if enough
                    else f"fewer than {rule.needed} patients to choose it from",
                    "threshold": threshold,
                    "calibrate_positives": counts["sensitivity"],
                    "calibrate_negatives": counts["specificity"],
                    **_tested(run, k, threshold),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.selectors.float().fill_nan(None)
    )


def tested(
    probabilities: FloatArray, labels: FloatArray, patients: Sequence[str], threshold: float
) -> tuple[Estimate | None, Estimate | None]:
    """Sensitivity and specificity at a threshold; None with no threshold or nothing to count."""
    if math.isnan(threshold):
        return None, None
    called, owners = probabilities >= threshold, np.asarray(patients)
    present, absent = labels == 1, labels == 0
    return share(called[present], owners[present]), share(~called[absent], owners[absent])


def predictive_values(points: pl.DataFrame, stated: Sequence[float] = PREVALENCES) -> pl.DataFrame:
    """PPV and NPV by Bayes' rule at stated prevalences: one row a point and prevalence.

    Args:
        points: from :func:`operating_points`.
        stated: in (0, 1); the test set's own comes first and is named so.
    """
    rows = []
    for point in points.filter(pl.col("status") == CHOSEN).iter_rows(named=True):
        ill, well = point["sensitivity_n"], point["specificity_n"]
        if not ill or not well:
            continue
        own = ill / (ill + well)
        for origin, prevalence in [("test", own), *(("stated", one) for one in stated)]:
            ppv, npv = bayes(
                point["sensitivity"],
                point["specificity"],
                point["sensitivity_effective_n"],
                point["specificity_effective_n"],
                prevalence,
                studies=ill + well,
            )
            rows.append(
                {
                    "finding": point["finding"],
                    "rule": point["rule"],
                    "prevalence": prevalence,
                    "prevalence_origin": origin,
                    **columns("ppv", ppv),
                    **columns("npv", npv),
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.selectors.float().fill_nan(None)
    )


def bayes(
    sensitivity: float,
    specificity: float,
    positives: float,
    negatives: float,
    prevalence: float,
    *,
    studies: int,
) -> tuple[Estimate, Estimate]:
    """PPV and NPV at a prevalence, with intervals on the logit scale.

    The prevalence is taken as known (Mercaldo, Lau and Zhou, Statistics in Medicine 26, 2007). Half
    a case of each kind is added for the interval, as shares of 0 and 1 have no variance. With 30 of
    each class it holds the truth in .93 to .96 of samples; with a whole case added, in .87 to .94.

    Args:
        sensitivity, specificity: measured.
        positives, negatives: studies they were measured on; where a patient has several, as many
            independent ones as vary as much
            (:func:`molre.evaluation.statistics.proportion.effective`).
        prevalence: in (0, 1).
        studies: that they were measured on, for the table.
    """
    se, sp = (
        (s * n + 0.5) / (n + 1) for s, n in ((sensitivity, positives), (specificity, negatives))
    )
    noise = (1 - se) / se / (positives + 1) + sp / (1 - sp) / (negatives + 1)
    quiet = se / (1 - se) / (positives + 1) + (1 - sp) / sp / (negatives + 1)
    odds = float(logit(prevalence))
    n = studies
    right, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    spared, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return (
        _predictive(_ratio(right, false), odds + math.log(se / (1 - sp)), noise, n),
        _predictive(_ratio(spared, missed), -odds + math.log(sp / (1 - se)), quiet, n),
    )


def _tested(run: Run, k: int, threshold: float) -> dict[str, object]:
    sensitivity, specificity = tested(
        run.probabilities[:, k], run.labels[:, k], run.patients, threshold
    )
    owners, called = np.asarray(run.patients), run.probabilities[:, k] >= threshold
    present, absent = run.labels[:, k] == 1, run.labels[:, k] == 0
    return {
        **columns("sensitivity", sensitivity),
        "sensitivity_effective_n": effective(called[present], owners[present])
        if sensitivity
        else None,
        **columns("specificity", specificity),
        "specificity_effective_n": effective(~called[absent], owners[absent])
        if specificity
        else None,
    }


def _ratio(right: float, wrong: float) -> float:
    return right / (right + wrong) if right + wrong > 0 else math.nan


def _predictive(value: float, middle: float, variance: float, n: int) -> Estimate:
    half = float(norm.ppf(0.5 + LEVEL / 2)) * math.sqrt(variance)
    low, high = float(expit(middle - half)), float(expit(middle + half))
    if math.isnan(value):  # nobody is called so
        low = high = math.nan
    else:
        low, high = min(low, value), max(high, value)
    return Estimate(value, low, high, "Bayes, logit scale", n)
