"""The further tables of an evaluation, each with what it needs, or the reason why it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from molre.errors import MolreError
from molre.evaluation.abstention import abstention
from molre.evaluation.decision_curve import decision_curve
from molre.evaluation.endpoint import EMPTY
from molre.evaluation.finding_metrics import FindingResult
from molre.evaluation.labels.noise import label_noise
from molre.evaluation.labels.of_run import measured_labels
from molre.evaluation.operating_points import PREVALENCES, operating_points, predictive_values
from molre.evaluation.patient_groups import scan_groups
from molre.evaluation.sensitivity import sensitivity
from molre.evaluation.subgroups import subgroups
from molre.labels.findings import findings
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.run import Run


@dataclass(frozen=True)
class Sections:
    """Tables by name, and for those that could not be made the reason."""

    tables: dict[str, pl.DataFrame]
    missing: dict[str, str]


def sections(
    run: Run,
    members: Sequence[int],
    cohort: CohortOfRun,
    results: Sequence[FindingResult],
    *,
    seed: int = 0,
    prevalences: Sequence[float] = PREVALENCES,
) -> Sections:
    """All further tables.

    Args:
        run: the run.
        members: positions of the endpoint's findings.
        cohort: of the run.
        results: of the run's findings.
        seed: of the bootstraps.
        prevalences: at which predictive values are stated.
    """
    made = Sections({}, {})
    _operating_points(run, prevalences, made)
    _label_noise(run, results, made)
    whole: dict[str, Callable[[], pl.DataFrame]] = {
        "decision_curve": lambda: decision_curve(run, members),
        "abstention": lambda: abstention(run, members, seed),
        "subgroups": lambda: subgroups(
            run, members, scan_groups(cohort.scans_of(run.studies), run.studies)
        ),
        "sensitivity": lambda: sensitivity(run, cohort.labels(), findings()),
    }
    empty = {
        "abstention": "no finding of the endpoint has a threshold",
        "subgroups": "the scans do not differ in what scans.parquet says of them",
    }
    for name, make in whole.items():
        if not len(members) and name != "sensitivity":
            made.missing[name] = EMPTY
            continue
        try:
            table = make()
        except MolreError as error:
            made.missing[name] = error.what
            continue
        if table.is_empty():
            made.missing[name] = empty[name]
        else:
            made.tables[name] = table
    return made


def _label_noise(run: Run, results: Sequence[FindingResult], made: Sections) -> None:
    measured = measured_labels(run.folder)
    if measured is None:
        made.missing["label_noise"] = (
            "no audit of the labels was given (`molre evaluate RUN --label-audit AUDIT`)"
        )
        return
    table = label_noise(results, measured)
    if table.is_empty():
        made.missing["label_noise"] = "no finding is scored"
    else:
        made.tables["label_noise"] = table


def _operating_points(run: Run, prevalences: Sequence[float], made: Sections) -> None:
    if run.calibrate is None:
        reason = "predictions.parquet has no calibrate split to choose thresholds on"
        made.missing["operating_points"] = made.missing["predictive_values"] = reason
        return
    made.tables["operating_points"] = operating_points(run)
    values = predictive_values(made.tables["operating_points"], prevalences)
    if values.is_empty():
        made.missing["predictive_values"] = "the calibrate split is too small for any threshold"
    else:
        made.tables["predictive_values"] = values
