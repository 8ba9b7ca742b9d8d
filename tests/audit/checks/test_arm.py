"""An adapter inside the backbone is of the arm that the run is called."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from molre.audit.audit import made
from molre.audit.check import FAIL, NUMBERS, Check
from molre.audit.checks import arm as arms
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.catalogue import contract_from_dict
from molre.backbones.catalogue import load as load_backbone
from molre.training.config import TrainConfig
from molre.training.train import train
from tests.helpers.benchmark.small_bench import write_small_cohort, write_tiny_vit

SPLITS = ("train",) * 6 + ("tune",) * 2 + ("calibrate",) * 2 + ("test",) * 2


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
    opened = RunUnderAudit(run, weights_dir=root)
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
        ("lora_all", {arms.SITES: "or other ones"}),
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
