"""A thousand odd studies: each is read to the voxel, with its notes, or refused for its cause."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests.helpers.odd.oracle import judge
from tests.helpers.odd.plan import Plan, plan_of, plans, told

CASES = json.loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))


def check(plan: Plan) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wrong = judge(plan, Path(folder) / "study")
    assert wrong is None, f"{wrong}\n{told(plan)}"


@settings(
    max_examples=1000,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(plan=plans())
def test_an_odd_study_is_read_right_or_refused(plan: Plan) -> None:
    assume(not plan.undecided or plan.refused)
    check(plan)


@pytest.mark.parametrize("seed", CASES["seeds"])
def test_what_went_wrong_once(seed: int) -> None:
    check(plan_of(seed))
