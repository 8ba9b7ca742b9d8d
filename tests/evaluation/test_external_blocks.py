"""An adapted backbone on another cohort: read anew, scan by scan, by the adapters it was given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.audit.audit import audit
from molre.audit.check import FAIL
from molre.backbones.catalogue import contract_from_dict
from molre.cohort.cohort import Cohort, write_table
from molre.ct.read import read_series
from molre.errors import MolreError
from molre.pipeline import load
from molre.runs.run import read_run
from molre.training.config import TrainConfig
from molre.training.train import train
from molre.workflows.evaluate_external import evaluate_external
from tests.helpers.benchmark.small_bench import FINDINGS, write_small_cohort, write_tiny_vit

SPLITS = ("train",) * 6 + ("tune",) * 4 + ("calibrate",) * 4 + ("test",) * 4
OUTSIDE = ("test",) * 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MoLRE inside a tiny ViT, and the cohort it was trained on beside it."""
    root = tmp_path_factory.mktemp("adapted")
    cohort, vit = write_small_cohort(root / "cohort", SPLITS), write_tiny_vit(root / "vit")
    config = TrainConfig(
        backbone=f"hf:{vit}",
        contract=contract_from_dict(f"hf:{vit}", {"size": 32}),
        arm="molre",
        placement="blocks",
        budget=1.0,
        learning_rates=(1e-2,),
        max_epochs=1,
        min_labels=1,
    )
    return train(cohort, root / "run", config)


def score(cohort: Path, run: Path, out: Path, **more: bool):
    return evaluate_external(cohort, run, out, weights_dir=run.parent, **more)


def facts(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())["external"]


def test_thin_slices_are_scored_as_a_prediction_of_each_scan_is(run: Path, tmp_path: Path) -> None:
    other = write_small_cohort(
        tmp_path / "thin", OUTSIDE, first=60, salt=b"another salt", slices=8, thickness=2.5
    )
    evaluation = score(other, run, tmp_path / "out")
    assert evaluation.studies == len(OUTSIDE)
    reader = load(run / "model", weights_dir=run.parent)
    scan = Cohort(other).chosen().sort("study").row(3, named=True)
    volume = read_series(list(scan["files"]))
    assert volume.acquisition.slice_thickness == pytest.approx(2.5)
    reading = reader.reading(volume, even_if_withheld=True)
    place = evaluation.run.studies.index(scan["study"])
    np.testing.assert_allclose(
        evaluation.run.probabilities[place], reading.probabilities, atol=1e-5
    )
    assert evaluation.run.familiarity is not None
    distance = reading.prediction.familiarity
    assert evaluation.run.familiarity[place] == pytest.approx(distance, abs=1e-3)
    assert evaluation.run.thresholds == read_run(run).thresholds
    found = audit(tmp_path / "out", weights_dir=run.parent, reread=2)
    assert [check for check in found.checks if check.outcome == FAIL] == []
    names = {check.name.partition(",")[0] for check in found.checks}
    assert "embeddings and probabilities from the scans (2 of 8 studies" in names


def test_columns_that_the_labels_lack_or_have_beside_are_told(run: Path, tmp_path: Path) -> None:
    other = write_small_cohort(tmp_path / "other", OUTSIDE, first=60, salt=b"another salt")
    labels = pl.read_parquet(other / "labels.parquet")
    kept = labels.filter(pl.col("finding") == FINDINGS[0])
    known = kept.with_columns(finding=pl.lit("pneumocephalus"))  # the model has it not
    unknown = kept.with_columns(finding=pl.lit("a column of theirs"))
    write_table(other / "labels.parquet", pl.concat([kept, known, unknown]))
    evaluation = score(other, run, tmp_path / "out")
    assert evaluation.run.findings == (FINDINGS[0],)
    told = facts(tmp_path / "out")
    assert told["not_mapped"] == [FINDINGS[1]]
    assert "1 of the model's 2 findings" in told["said"]
    assert evaluation.run.calibrate is not None
    assert evaluation.run.calibrate.logits.shape[1] == 1
    assert "1 of the model&#39;s 2 findings" in (tmp_path / "out" / "report.html").read_text()
    assert not audit(tmp_path / "out").failed


def test_a_patient_in_both_cohorts_is_refused_or_left_out_under_another_scan(
    run: Path, tmp_path: Path
) -> None:
    """Studies 12 to 19: two of calibrate, four of test, two that the model never saw."""
    other = write_small_cohort(tmp_path / "again", OUTSIDE, first=12, seed=500)
    with pytest.raises(MolreError, match=r"2 of its studies were .*same scan 0, .*same patient 2"):
        score(other, run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    evaluation = score(other, run, tmp_path / "out", leave_out_overlap=True)
    assert evaluation.run.studies == tuple(f"study{i}" for i in range(14, 20))
    told = facts(tmp_path / "out")
    assert (told["overlap"]["studies"], told["overlap"]["same_patient"]) == (2, 2)
    assert "2 studies were left out" in told["said"]
    assert not audit(tmp_path / "out").failed
