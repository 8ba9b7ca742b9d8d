"""Test against calibrate: two samples of the same patients' kind, neither seen in training.

Weights that were trained on test scans, test scans that were chosen or whose embeddings were moved:
whatever was made to match afterwards, test is then read better than calibrate. Patients are
assigned to both by a hash, so that only chance sets them apart; how far it does is in their
intervals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import norm

from molre.arrays import FloatArray
from molre.audit.check import FLAG, LEAKAGE, PASS, Check
from molre.audit.run_under_audit import RunUnderAudit
from molre.evaluation.endpoint import supports, weighed
from molre.evaluation.finding_metrics import auc_interval
from molre.evaluation.statistics.bootstrap import bootstrap_aucs
from molre.evaluation.statistics.intervals import LEVEL
from molre.evaluation.statistics.macro_interval import macro_interval
from molre.runs.run import read_run
from molre.runs.split_scores import SplitScores

NAME = "test is read no better than calibrate, beyond chance"
FEWEST = 5  # patients of each class, in either split
SURE = 4.0  # standard errors: of 300 simulated honest runs none came above 3.1
_DRAWS = 500


def no_better(opened: RunUnderAudit) -> Iterator[Check]:
    """Flag a macro AUC of test that lies above that of calibrate further than chance reaches."""
    run = read_run(opened.path)
    if run.calibrate is None:
        return
    test = SplitScores(run.studies, run.patients, run.labels, run.logits, run.probabilities)
    yield from above(test, run.calibrate, run.findings)


def above(
    test_scores: SplitScores, calibrate_scores: SplitScores, findings: Sequence[str]
) -> Iterator[Check]:
    """The check, of two splits; no row where no finding can be compared.

    Args:
        test_scores, calibrate_scores: of the same findings.
        findings: their ids.
    """
    splits = test_scores, calibrate_scores
    members = _members(splits, findings)
    if not len(members):
        return
    test, calibrate = (_macro(one, members, test_scores.labels) for one in splits)
    reach = math.hypot(test[0] - test[1], calibrate[2] - calibrate[0])
    error = reach / float(norm.ppf(0.5 + LEVEL / 2))
    said = (
        f"macro AUC over {len(members)} findings is {test[0]:.3f} on test, {calibrate[0]:.3f} on "
        "calibrate"
    )
    if test[0] - calibrate[0] > SURE * error:
        why = f"{said}, further apart than by chance: was test trained on, chosen or changed?"
        yield Check(LEAKAGE, NAME, FLAG, why)
    else:
        yield Check(LEAKAGE, NAME, PASS, said)


def _members(splits: Sequence[SplitScores], findings: Sequence[str]) -> np.ndarray:
    """Findings with some patients of each class in both splits."""
    counts = [
        [
            min(one.positive_patients, one.negative_patients)
            for one in supports(split.labels, findings, split.patients)
        ]
        for split in splits
    ]
    return np.flatnonzero(np.min(counts, axis=0) >= FEWEST)


def _macro(
    split: SplitScores, members: np.ndarray, labels: FloatArray
) -> tuple[float, float, float]:
    """Macro AUC with its interval; findings with the same test labels count once."""
    weights = weighed(members, labels).weights
    estimates = [
        auc_interval(split.logits[None, :, k], split.labels[:, k], split.patients) for k in members
    ]
    draws = bootstrap_aucs(
        split.logits[None, :, members], split.labels[:, members], split.patients, draws=_DRAWS
    )[0]
    value = float(np.array([one.value for one in estimates]) @ weights)
    return (value, *macro_interval(estimates, draws, weights))
