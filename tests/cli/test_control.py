"""`molre control` says what was planted and found, and fails where the method did not find it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from molre.arms.arms import at_placement
from tests.helpers.system import molre

SHORT = ("--set", "max_epochs=1", "--set", "learning_rates=[0.01]", "--workers", "1")
VERB = ("control", "--small", "--seeds", "1", "--conflict", "1", *SHORT)


def test_a_budget_too_short_to_route_is_said_and_is_exit_code_1(tmp_path: Path) -> None:
    said = molre(*VERB, "-o", tmp_path / "out", code=1).stdout
    assert "conflict 1: routing was planted and NOT found: molre is not shown to be above" in said
    assert "the budget ended before these converged" in said
    assert "nothing about patients" in said
    table = pl.read_csv(tmp_path / "out" / "control.csv")
    assert set(table["arm"]) == set(at_placement("slice"))
    again = json.loads(molre(*VERB, "-o", tmp_path / "out", "--json", code=1).stdout)
    assert [world["found"] for world in again] == [False]
    assert "frozen" in again[0]["not_above"]


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    said = molre(*VERB, "-o", tmp_path, code=2).stderr
    assert str(tmp_path) in said
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
