"""What a demo says at its end; tests/pages run the verbs that it is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from molre.cli.demo import _finish
from molre.evaluation.comparison.compare import Comparison, compare
from tests.helpers.evaluation.runs import FINDINGS, write_run

ARMS = ("frozen", "mlp_matched", "molre_random_router", "molre_shuffled", "molre")
NOTHING = "too few to evaluate any arm, as no finding has ten positive and ten negative patients"


def compared(root: Path, studies: int) -> Comparison:
    runs = [
        write_run(root / arm, arm=arm, seed=seed, studies=studies) for seed, arm in enumerate(ARMS)
    ]
    return compare(runs, root, draws=100)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_table_names_every_arm_in_full(tmp_path, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    _finish(compared(tmp_path, 60), tmp_path, "scored", json=False)
    said = capsys.readouterr().out
    assert all(f"│ {arm} " in said for arm in ARMS)
    assert NOTHING not in said


def test_a_demo_too_small_to_evaluate_says_so_once_and_prints_no_dashes(tmp_path, capsys):
    _finish(compared(tmp_path, 7), tmp_path, "scored", json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count(NOTHING) == 1
    assert not any(sign in said for sign in ("│", "–", "0 findings"))


def test_json_is_json(tmp_path, capsys):
    _finish(compared(tmp_path, 60), tmp_path, "scored", json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {row["finding"] for row in rows} == {*FINDINGS, "macro"}
