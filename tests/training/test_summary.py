"""What a user hears of a run: that it did not learn, and what there was too little of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from molre.training.summary import summary

GOOD = {
    "format_version": 1,
    "learning_rate": 1e-3,
    "rates": [
        {"learning_rate": 3e-4, "tune_auc": 0.7},
        {"learning_rate": 1e-3, "tune_auc": 0.8},
        {"learning_rate": 3e-3, "tune_auc": None},
    ],
    "rate_at_edge": False,
    "best_epoch": 9,
    "epochs": 25,
    "converged": True,
    "findings": [f"finding_{i}" for i in range(75)],
    "n": {"train": 500, "tune": 60, "calibrate": 70, "test": 120},
}
EDGE = [{"learning_rate": 1e-3, "tune_auc": 0.8}, {"learning_rate": 3e-4, "tune_auc": 0.7}]


def said(tmp_path: Path, **other: object) -> str:
    (tmp_path / "manifest.json").write_text(json.dumps(GOOD | other))
    return "\n".join(summary(tmp_path))


def test_a_good_run_is_one_line(tmp_path: Path) -> None:
    assert said(tmp_path) == "tune AUC 0.80 at learning rate 0.001 (of 3 tried), epoch 10 of 25"


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"best_epoch": 0}, "no epoch improved on the first"),
        ({"rates": [{"learning_rate": 1e-3, "tune_auc": 0.5}]}, "better than chance"),
        ({"converged": False}, "not converged"),
        ({"rate_at_edge": True, "rates": EDGE}, "at the edge"),
        ({"findings": ["a"] * 7}, "7 of 75 findings trained; 68 have too few"),
        ({"n": GOOD["n"] | {"calibrate": 1}}, "calibrate has 1 scan: probabilities"),
        ({"n": GOOD["n"] | {"test": 8}}, "test has 8 scans: every AUC"),
    ],
)
def test_what_went_wrong_is_said(tmp_path: Path, other: dict, words: str) -> None:
    assert words in said(tmp_path, **other)


def test_a_run_from_before_rates_were_recorded_is_still_summarized(tmp_path: Path) -> None:
    old = {k: v for k, v in GOOD.items() if k not in ("rates", "rate_at_edge")}
    (tmp_path / "manifest.json").write_text(json.dumps(old | {"best_epoch": 0}))
    assert any("no epoch improved" in line for line in summary(tmp_path))
