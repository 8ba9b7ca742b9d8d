"""One number changed anywhere in a run, everything that protects it sealed anew: it is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from molre.audit.check import Check
from molre.audit.checks.reports import against, evaluated_again
from molre.audit.run_under_audit import RunUnderAudit
from tests.helpers.audit import tamper
from tests.helpers.audit.tamper import Place, failures, first_failure, trained_again

Places = Callable[[Path], Iterator[Place]]

MADE_BY_TRAINING: dict[str, Places] = {
    "predictions": lambda run: tamper.table(
        run, "predictions.parquet", ("logit", "probability", "label")
    ),
    "studies": lambda run: tamper.table(run, "studies.parquet"),
    "routing": lambda run: tamper.table(run, "routing.parquet", ("slice", "gates")),
    "manifest": lambda run: tamper.leaves(run, "manifest.json"),
    "data": lambda run: tamper.leaves(run, "data.json"),
    "model.json": lambda run: tamper.leaves(run, "model/model.json"),
    "classifier": lambda run: tamper.weights(run, "classifier."),
    "familiarity": lambda run: tamper.weights(run, "familiarity."),
    "self-test": lambda run: tamper.weights(run, "self_test."),
}
MADE_BY_EVALUATING: dict[str, Places] = {
    "metrics": lambda run: tamper.table(run, "metrics.parquet"),
    "operating points": lambda run: tamper.table(run, "operating_points.parquet"),
    "predictive values": lambda run: tamper.table(run, "predictive_values.parquet"),
    "decision curve": lambda run: tamper.table(run, "decision_curve.parquet"),
    "subgroups": lambda run: tamper.table(run, "subgroups.parquet"),
    "abstention": lambda run: tamper.table(run, "abstention.parquet"),
    "sensitivity": lambda run: tamper.table(run, "sensitivity.parquet"),
    "report": lambda run: tamper.printed(run, "report.html"),
    "report.json": lambda run: tamper.leaves(run, "report.json", only=("context",)),
    "card": lambda run: tamper.printed(run, "model/README.md"),
}
ONLY_TRAINED_AGAIN: dict[str, Places] = {
    "history": lambda run: tamper.table(run, "history.parquet", ("train_loss", "expert_load")),
    "settings": lambda run: tamper.leaves(run, "config.yaml", only=("weight_decay", "gamma")),
}


@pytest.fixture(scope="module")
def copy(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(trained / "run", tmp_path_factory.mktemp("tampered") / "run")


@pytest.fixture(scope="module")
def scratch(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run evaluated again beside it, as an audit does; what it reads is not tampered with."""
    opened = RunUnderAudit(trained / "run")
    list(opened.whole())
    return evaluated_again(opened, tmp_path_factory.mktemp("scratch"))


def finds(run: Path, places: Places, examples: int, look=failures) -> None:
    """Property: whichever of the places is changed, the audit fails."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(list(places(run))))
    def changed_number_is_found(place: Place) -> None:
        assert first_failure(run, place, look) is not None, place.where

    changed_number_is_found()


def test_an_untouched_run_has_no_failure(copy):
    assert list(failures(copy)) == []


@pytest.mark.parametrize("kind", MADE_BY_TRAINING)
def test_a_changed_number_that_training_wrote_is_found(copy, kind):
    finds(copy, MADE_BY_TRAINING[kind], examples=2)


@pytest.mark.parametrize("kind", MADE_BY_EVALUATING)
def test_a_changed_number_that_evaluating_wrote_is_found(copy, scratch, kind):
    def look(run: Path) -> Iterator[Check]:
        return against(run, scratch, with_cohort=True)

    finds(copy, MADE_BY_EVALUATING[kind], examples=5, look=look)


@pytest.mark.parametrize("kind", ONLY_TRAINED_AGAIN)
def test_what_only_training_again_can_tell_is_told_by_it(copy, kind):
    place = list(ONLY_TRAINED_AGAIN[kind](copy))[-1]
    assert first_failure(copy, place) is None
    assert first_failure(copy, place, trained_again) is not None
