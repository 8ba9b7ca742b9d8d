"""Checks of what a run claims to be, each against values whose answer is known."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from molre.audit.audit import made
from molre.audit.check import FAIL, FLAG, LEAKAGE, NUMBERS, PASS, Check
from molre.audit.checks import arm as arms
from molre.audit.checks import external, unseen
from molre.audit.checks.split import possible
from molre.audit.run_under_audit import Opened
from molre.backbones.catalogue import contract_from_dict
from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import write_table
from molre.cohort.split import _dealt
from molre.embedding.embed import embed
from molre.evaluation.split_scores import SplitScores
from molre.training.config import TrainConfig
from molre.training.train import train
from molre.workflows.evaluate_external import evaluate_external
from tests.helpers.audit.scanned import CONFIG, write_scanned
from tests.helpers.benchmark.small_bench import write_small_cohort, write_tiny_vit

SHARES = st.sampled_from([(0.6, 0.1, 0.1, 0.2), (0.5, 0.12, 0.14, 0.24), (0.0, 0.0, 0.0, 1.0)])
SPLITS = ("train",) * 6 + ("tune",) * 2 + ("calibrate",) * 2 + ("test",) * 2


def order(patients: int, shares: tuple[float, ...]) -> list[str]:
    names = [f"{i:04d}" for i in range(patients)]
    dealt = _dealt(names, [], shares)
    return [dealt[name] for name in names]


@given(st.integers(1, 120), SHARES)
def test_what_was_dealt_can_have_been_dealt(patients: int, shares: tuple[float, ...]) -> None:
    assert possible(order(patients, shares))


def test_patients_who_changed_places_leave_a_split_that_no_shares_give() -> None:
    """Two neighbors in the order may change places unseen, where both splits lacked as much."""
    draw, unseen_ = random.Random(0), 0
    for patients in range(60, 160):
        changed = order(patients, (0.6, 0.1, 0.1, 0.2))
        for one, other in (("train", "test"), ("calibrate", "test"), ("tune", "test")):
            i, j = (changed.index(split, draw.randrange(patients // 2)) for split in (one, other))
            changed[i], changed[j] = changed[j], changed[i]
        unseen_ += possible(changed)
    assert unseen_ <= 5


def test_a_split_that_is_none_is_not_dealt() -> None:
    assert not possible(["train", "held out"])


def scored(n: int, skill: float, seed: int) -> SplitScores:
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < 0.4).astype(float)
    names = tuple(f"{i}" for i in range(n))
    logits = skill * labels + rng.normal(size=(n, 3))
    return SplitScores(names, names, labels, logits, expit(logits))


@pytest.mark.parametrize(("on_test", "outcome"), [(1.0, PASS), (3.5, FLAG)])
def test_test_far_above_calibrate_is_flagged(on_test: float, outcome: str) -> None:
    (check,) = unseen.above(scored(120, on_test, 1), scored(80, 1.0, 2), ("a", "b", "c"))
    assert check.outcome == outcome, check.found


def test_without_patients_of_both_classes_in_both_splits_nothing_is_compared() -> None:
    assert list(unseen.above(scored(120, 1.0, 1), scored(6, 1.0, 2), ("a", "b", "c"))) == []


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``lora`` inside a tiny transformer, trained for an epoch, and the transformer."""
    root = tmp_path_factory.mktemp("adapted")
    cohort, vit = write_small_cohort(root / "cohort", SPLITS), write_tiny_vit(root / "vit")
    name = f"hf:{vit}"
    config = TrainConfig(
        backbone=name,
        contract=contract_from_dict(name, {"size": 32}),
        arm="lora",
        placement="blocks",
        learning_rates=(1e-2,),
        min_labels=1,
        max_epochs=1,
        budget=0.3,
    )
    train(cohort, root / "run", config)
    return root


def of_arm(root: Path, run: Path) -> dict[str, Check]:
    opened = Opened(run, weights_dir=root)
    list(opened.whole())
    entry = opened.description.backbone
    contract = contract_from_dict(entry.name, entry.contract)
    backbone = load_backbone(entry.name, weights_dir=root, contract=contract)
    rows = made(NUMBERS, arms.NAME, lambda: arms.named(opened))
    return {c.name: c for c in rows + made(NUMBERS, "", lambda: arms.sites(opened, backbone))}


@pytest.mark.parametrize(
    ("called", "found"),
    [
        ("lora", {}),
        ("lora_matched", {arms.NAME: "r is 8"}),
        ("lora_all", {arms.SITES: "or others"}),
        ("molre", {arms.NAME: "peft_type"}),
        ("frozen", {arms.NAME: "blocks is"}),
    ],
)
def test_an_adapter_inside_the_backbone_is_of_the_arm_that_it_is_called(
    adapted: Path, tmp_path: Path, called: str, found: dict[str, str]
) -> None:
    run = shutil.copytree(adapted / "run", tmp_path / "run")
    told = json.loads((run / "model" / "model.json").read_text())
    kind = {"blocks": called} if called != "frozen" else {}
    (run / "model" / "model.json").write_text(json.dumps(told | {"arm": called} | kind))
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(re.sub(r"^arm: \w+", f"arm: {called}", text, flags=re.M))
    checks = of_arm(adapted, run)
    assert {n for n, c in checks.items() if c.outcome == FAIL} == set(found)
    for name, words in found.items():
        assert words in checks[name].found


def test_studies_struck_from_an_external_cohort_are_flagged(trained: Path, tmp_path: Path) -> None:
    other = write_scanned(tmp_path / "other", first=700, salt=b"a third salt", splits={"test": 12})
    embed(other, load_backbone("efficientnet_lite0", contract=CONFIG.contract))
    scans, labels = (pl.read_parquet(other / f"{name}.parquet") for name in ("scans", "labels"))
    gone = scans["study"][0]
    write_table(other / "scans.parquet", scans.filter(pl.col("study") != gone))
    write_table(other / "labels.parquet", labels.filter(pl.col("study_id") != gone))
    evaluate_external(other, trained / "run", tmp_path / "out")
    opened = Opened(tmp_path / "out")
    list(opened.whole())
    (check,) = made(LEAKAGE, "left out", lambda: external.struck(opened))
    assert check.outcome == FLAG
    assert "1 in the embeddings without a scan" in check.found
