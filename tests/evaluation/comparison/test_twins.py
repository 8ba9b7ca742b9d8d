"""A copy of a run under another seed is no second training, however it is dressed up."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare
from tests.helpers.evaluation.runs import write_run

DRAWS = 50


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        write_run(tmp_path / f"{arm}-{seed}", arm=arm, seed=seed, studies=80, skill=1.2 + i)
        for i, arm in enumerate(("frozen", "molre"))
        for seed in (2 * i, 2 * i + 1)
    ]


def copied(
    run: Path, to: Path, change: Callable[[pl.Expr], pl.Expr] = lambda logit: logit, **facts: object
) -> Path:
    """The run again, its manifest saying other things and its logits changed."""
    shutil.copytree(run, to)
    manifest = json.loads((to / "manifest.json").read_text()) | facts
    (to / "manifest.json").write_text(json.dumps(manifest))
    table = pl.read_parquet(to / "predictions.parquet")
    logit = change(pl.col("logit").cast(pl.Float64))
    table.with_columns(
        logit=logit.cast(pl.Float32), probability=(1 / (1 + (-logit).exp())).cast(pl.Float32)
    ).write_parquet(to / "predictions.parquet")
    return to


NOISE = pl.Series(np.random.default_rng(0).uniform(-1, 1, 80 * 4 * 3))
DRESSES: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "as it is": lambda logit: logit,
    "rounding": lambda logit: logit + 5e-5 * NOISE,
    "calibrated anew": lambda logit: 0.7 * logit - 0.4,
    "bent": lambda logit: logit + 0.1 * logit**3,
}


@pytest.mark.parametrize("dress", DRESSES)
def test_a_copy_under_another_seed_is_refused_by_name(runs, tmp_path, dress):
    copy = copied(runs[2], tmp_path / "copy", DRESSES[dress], seed=7)
    both = f"{re.escape(str(runs[2]))}.*seeds 2 and 7 of arm 'molre' are one training"
    with pytest.raises(MolreError, match=both) as told:
        compare([*runs, copy], tmp_path / "out", draws=DRAWS)
    assert str(copy) in str(told.value)
    assert not (tmp_path / "out").exists()


def test_two_arms_with_the_same_predictions_are_told(runs, tmp_path):
    copy = copied(runs[2], tmp_path / "copy", arm="molre_shuffled", seed=0)
    notes = compare([*runs, copy], tmp_path / "out", draws=DRAWS).notes
    (note,) = [note for note in notes if "hold the same predictions" in note]
    assert note.startswith("copy and molre-2 hold")
    assert "'molre', seed 2" in note
    assert "'molre_shuffled', seed 0" in note


def test_a_copy_with_a_little_noise_is_told(runs, tmp_path):
    copy = copied(runs[2], tmp_path / "copy", lambda logit: logit + 0.005 * NOISE, seed=7)
    notes = compare([*runs, copy], tmp_path / "out", draws=DRAWS).notes
    assert sum("nearly agree" in note for note in notes) == 1


def test_seeds_and_arms_of_their_own_are_not_suspected(runs, tmp_path):
    notes = compare(runs, tmp_path / "out", draws=DRAWS).notes
    assert not any("may be a copy" in note for note in notes)


def test_models_that_say_the_same_of_every_scan_are_not_called_copies(runs, tmp_path):
    flat = [
        copied(runs[2], tmp_path / f"flat-{seed}", lambda logit: 0 * logit, arm="lora", seed=seed)
        for seed in (0, 1)
    ]
    comparison = compare([*runs, *flat], tmp_path / "out", draws=DRAWS)
    assert not any("may be a copy" in note for note in comparison.notes)


def test_a_few_scans_in_one_order_prove_nothing(tmp_path):
    """Twelve scans, one finding that is sure: two trainings may well rank them alike."""
    one = write_run(tmp_path / "a", arm="frozen", seed=0, studies=12, skill=50)
    other = copied(one, tmp_path / "b", lambda logit: 1.5 * logit, seed=1)
    compare([one, other], tmp_path / "out", draws=DRAWS)
