"""Checks of a frozen model's evaluation on another cohort."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from molre.audit.audit import made
from molre.audit.check import FLAG, LEAKAGE
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
