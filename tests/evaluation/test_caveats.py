from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from molre.evaluation.caveats import (
    blanks_without_report,
    cautions,
    dropped_caution,
    worse_than_chance,
)
from molre.evaluation.endpoint import supports
from molre.evaluation.pretraining import data_sets, pretraining_caution
from molre.evaluation.statistics.estimate import Estimate
from molre.labels.findings import findings
from molre.runs.run import read_run
from tests.evaluation.test_sensitivity import long_labels
from tests.helpers.evaluation.runs import FINDINGS, write_run

TABLE = findings()


def said(run, labels: pl.DataFrame | None = None) -> list[str]:
    return list(cautions(run, supports(run.labels, run.findings, run.patients), labels, TABLE))


@pytest.mark.parametrize(
    ("told", "names", "words"),
    [
        ("ImageNet-1k", ["CQ500"], None),
        ("LVD-142M (web pictures)", ["reader"], None),
        ("RSNA and CQ500 head CT", ["cq500-labels", "reader"], "CQ500 as well"),
        ("unknown", ["reader"], "not known"),
        (None, ["reader"], "not known"),
        ("200 M CT and MR slices of one hospital", ["reader"], "ask its authors"),
        ("something that is not described", ["reader"], "ask its authors"),
    ],
)
def test_pretraining_on_the_test_data_is_flagged(told, names, words):
    sentence = pretraining_caution(told, names)
    assert (sentence is None) == (words is None)
    if words:
        assert words in sentence


def test_data_sets_are_found_in_any_spelling():
    assert data_sets("labels of RSNA-IHD, cq-500") == {"RSNA hemorrhage", "CQ500"}
    assert data_sets("CT of our own hospital") == set()


def test_a_pedigree_is_read_from_the_model_folder(tmp_path):
    plain = read_run(write_run(tmp_path / "a"))
    assert said(plain) == []
    medical = read_run(write_run(tmp_path / "b", pretraining="head CT of ten hospitals"))
    assert "pretrained on head CT of ten hospitals" in said(medical)[0]


def test_a_test_set_with_one_class_is_told(tmp_path):
    run = write_run(tmp_path / "run")
    table = pl.read_parquet(run / "predictions.parquet")
    none = pl.when(pl.col("finding") == FINDINGS[0]).then(pl.lit(0)).otherwise("label")
    table.with_columns(label=none.cast(pl.Int8)).write_parquet(run / "predictions.parquet")
    assert said(read_run(run))[0].startswith(f"{FINDINGS[0]} lacks one of the classes in test")
    table.with_columns(label=pl.lit(0, pl.Int8)).write_parquet(run / "predictions.parquet")
    assert said(read_run(run))[0].startswith("No finding has both classes in test")


def test_sources_are_never_mixed_silently(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=60))
    nothing = np.zeros(run.labels.shape, bool)
    alone = long_labels(run, ["reader"] * 60, nothing)
    assert said(run, alone) == []
    mixed = said(run, long_labels(run, ["reader"] * 20 + ["report-llm"] * 40, nothing))
    assert any("reader 20, report-llm 40" in sentence for sentence in mixed)


def test_blanks_without_a_report_are_told_with_their_number(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=60))
    blank = np.zeros(run.labels.shape, bool)
    blank[:10, 0] = True
    labels = long_labels(run, ["report-rules"] * 60, blank)
    silent = int((run.labels[:10, 0] == 0).sum())
    assert blanks_without_report(labels, TABLE) == (silent, silent)
    (sentence,) = said(run, labels)
    assert sentence.startswith(f"{silent} blank labels of {silent} test studies count as absent")
    assert "blank_policy=mask" in sentence
    quoted = labels.with_columns(evidence=pl.lit("no fracture"))
    assert said(run, quoted) == []
    assert said(run, labels.with_columns(source=pl.lit("reader"))) == []  # there a blank is unknown
    masked = read_run(write_run(tmp_path / "masked", studies=60, blank_policy="mask"))
    assert said(masked, labels) == []


@pytest.mark.parametrize(("dropped", "told"), [(0, False), (20, False), (21, True), (700, True)])
def test_resamples_left_out_are_told_above_one_in_a_hundred(dropped, told):
    assert (dropped_caution(dropped, 2000) is not None) == told


def test_a_finding_below_chance_is_told_only_where_its_whole_interval_is():
    aucs = [Estimate(0.28, 0.1, 0.498, "", 40), Estimate(0.4, 0.2, 0.51, "", 40), None]
    assert worse_than_chance(["a", "b", "c"], aucs).startswith("a ranks worse than chance")
    assert worse_than_chance(["b", "c"], aucs[1:]) is None
