"""Checks of a frozen model's evaluation on another cohort."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from molre.audit.audit import made
from molre.audit.check import FAIL, FLAG, LEAKAGE, NUMBERS, PASS
from molre.audit.checks import external
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.catalogue import load as load_backbone
from molre.cohort.cohort import write_table
from molre.embedding.embed import embed
from molre.workflows.evaluate_external import evaluate_external
from tests.helpers.audit.scanned import CONFIG, write_scanned


def test_studies_struck_from_an_external_cohort_are_flagged(trained: Path, tmp_path: Path) -> None:
    other = write_scanned(tmp_path / "other", first=700, salt=b"a third salt", splits={"test": 12})
    embed(other, load_backbone("efficientnet_lite0", contract=CONFIG.contract))
    scans, labels = (pl.read_parquet(other / f"{name}.parquet") for name in ("scans", "labels"))
    gone = scans["study"][0]
    write_table(other / "scans.parquet", scans.filter(pl.col("study") != gone))
    write_table(other / "labels.parquet", labels.filter(pl.col("study_id") != gone))
    evaluate_external(other, trained / "run", tmp_path / "out")
    opened = RunUnderAudit(tmp_path / "out")
    list(opened.whole())
    (check,) = made(LEAKAGE, "left out", lambda: external.struck(opened))
    assert check.outcome == FLAG
    assert "1 in the embeddings without a scan" in check.found


def test_the_sentence_of_an_evaluation_from_before_is_known_another_one_is_not(
    trained: Path, tmp_path: Path
) -> None:
    other = write_scanned(tmp_path / "other", first=700, salt=b"a third salt", splits={"test": 12})
    embed(other, load_backbone("efficientnet_lite0", contract=CONFIG.contract))
    evaluate_external(other, trained / "run", tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    told = json.loads(path.read_text())
    now, said = told["external"]["said"], told["external"]["said"]
    for old, new in external.BEFORE:
        assert new in now
        said = said.replace(new, old)

    def outcome(text: str) -> str:
        told["external"]["said"] = text
        path.write_text(json.dumps(told))
        opened = RunUnderAudit(tmp_path / "out")
        list(opened.whole())
        found = made(NUMBERS, external.MADE, lambda: external.made_again(opened))
        return next(c.outcome for c in found if c.name.startswith("manifest.json"))

    assert outcome(said) == PASS
    assert outcome(said.replace("0 studies were left out", "3 studies were left out")) == FAIL
