"""What training says of itself, in runs that an older molre has written."""

from __future__ import annotations

from pathlib import Path

from molre.audit.check import PASS
from molre.audit.checks.training import backbone
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.contract import FIRST_NAMES
from tests.helpers.audit.scene import Scene


def test_a_contract_by_the_first_names_of_its_fields_is_the_same(
    whole: Path, tmp_path: Path
) -> None:
    scene = Scene(whole, tmp_path, tmp_path)
    entry = scene.told("model/model.json")["backbone"]
    for now, first in FIRST_NAMES.items():
        entry["contract"][first] = entry["contract"].pop(now)
    scene.json("model/model.json", backbone=entry)
    run = RunUnderAudit(scene.run)
    list(run.whole())
    check = next(c for c in backbone(run) if c.name == "backbone of model.json from its weights")
    assert check.outcome == PASS, check.found
