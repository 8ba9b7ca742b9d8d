"""A routing control in the terminal: every arm in full, and a sentence for each world."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from molre.evaluation.comparison.contrasts import ArmScores, compare_arms
from molre.evaluation.comparison.planted_routing import RoutingControl
from molre.evaluation.comparison.verdict import ArmFacts
from molre.output.comparison.control import control_sentences, control_table

ARMS = ("frozen", "mlp_matched", "molre", "molre_random_router", "molre_shuffled")


@pytest.fixture(scope="module")
def control() -> RoutingControl:
    """One world in which only the method reads the finding."""
    rng = np.random.default_rng(0)
    labels = (rng.random((80, 2)) < 0.5).astype(float)
    arms = []
    for arm in ARMS:
        skill = 3.0 if arm == "molre" else 0.2
        scores = skill * labels + rng.normal(size=(3, 80, 2))
        entropy = 0.8 if arm.startswith("molre") else None
        facts = ArmFacts("slice", entropy, 48, converged=arm != "frozen")
        arms.append(ArmScores(arm, "conflict 1", (0, 1, 2), scores, facts))
    patients = tuple(map(str, range(80)))
    return RoutingControl((1.0,), compare_arms(arms, labels, patients, ["a", "b"], draws=2000))


def test_every_arm_is_a_row_named_in_full(control: RoutingControl) -> None:
    out = StringIO()
    Console(file=out, width=200).print(control_table(control))
    said = out.getvalue()
    assert all(f"│ {arm} " in said for arm in ARMS)
    assert "synthetic embeddings, 80 test studies, 3 seeds" in said
    assert "0.800" in said


def test_what_was_found_and_what_did_not_converge_are_said(control: RoutingControl) -> None:
    found, short = control_sentences(control)
    assert found.startswith("conflict 1: routing was planted, and found")
    assert short == "the budget ended before these converged: frozen (conflict 1)"
