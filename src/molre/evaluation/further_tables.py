"""The further tables of an evaluation, each with what it needs, or the reason why it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from molre import files
from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.evaluation.abstention import abstention
from molre.evaluation.decision_curve import decision_curve
from molre.evaluation.endpoint import EMPTY
from molre.evaluation.operating_points import PREVALENCES, operating_points, predictive_values
from molre.evaluation.patient_groups import scan_groups
from molre.evaluation.run_files import Run
from molre.evaluation.sensitivity import sensitivity
from molre.evaluation.subgroups import subgroups
from molre.labels.findings import findings

NAMES = (
    "operating_points",
    "predictive_values",
    "decision_curve",
    "subgroups",
    "abstention",
    "sensitivity",
)


@dataclass(frozen=True)
class Sections:
    """Tables by name, and for those that could not be made the reason."""

    tables: dict[str, pl.DataFrame]
    missing: dict[str, str]


@dataclass
class CohortOfRun:
    """The cohort that a run's manifest names, where it is still there and still the same."""

    run: Run

    @cached_property
    def scans(self) -> pl.DataFrame:
        """Chosen series; of all test studies.

        Raises:
            MolreError: the cohort is gone, or is another one.
        """
        scans = self._opened.chosen()
        gone = set(self.run.studies) - set(scans["study"])
        if gone:
            raise MolreError(f"the cohort no longer holds {len(gone)} of the test studies")
        return scans

    @cached_property
    def labels(self) -> pl.DataFrame:
        """Long labels, as the run was made from.

        Raises:
            MolreError: the cohort is gone, or its labels have changed.
        """
        labels = self._opened.labels()
        stored = self.run.manifest.get("labels_sha256")
        if stored and files.sha256(self._opened.path / "labels.parquet") != stored:
            raise MolreError("the cohort's labels have changed since the run was made")
        return labels

    @cached_property
    def _opened(self) -> Cohort:
        try:
            return Cohort(Path(str(self.run.manifest.get("cohort"))))
        except MolreError:
            raise MolreError("the cohort that manifest.json names is not there") from None


def sections(
    run: Run,
    members: Sequence[int],
    cohort: CohortOfRun,
    *,
    seed: int = 0,
    prevalences: Sequence[float] = PREVALENCES,
) -> Sections:
    """All further tables.

    Args:
        run: the run.
        members: positions of the endpoint's findings.
        cohort: of the run.
        seed: of the bootstraps.
        prevalences: at which predictive values are stated.
    """
    made = Sections({}, {})
    _operating_points(run, prevalences, made)
    whole: dict[str, Callable[[], pl.DataFrame]] = {
        "decision_curve": lambda: decision_curve(run, members),
        "abstention": lambda: abstention(run, members, seed),
        "subgroups": lambda: subgroups(run, members, scan_groups(cohort.scans, run.studies)),
        "sensitivity": lambda: sensitivity(run, cohort.labels, findings()),
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
