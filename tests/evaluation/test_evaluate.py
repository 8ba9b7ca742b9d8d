from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from molre.evaluation.evaluate import evaluate
from molre.runs.folder import FURTHER_TABLES
from molre.runs.run import read_run
from tests.helpers.evaluation.references import pairwise_auc
from tests.helpers.evaluation.runs import write_run

DRAWS = 200


def test_metrics_hold_what_the_predictions_say(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    evaluation = evaluate(run, draws=DRAWS)
    table = pl.read_parquet(run / "metrics.parquet")
    read = read_run(run)
    assert table["finding"].to_list() == [*read.findings, "macro"]
    expected = []
    for k in range(3):
        known = ~np.isnan(read.labels[:, k])
        expected.append(pairwise_auc(read.logits[known, k], read.labels[known, k]))
    assert table["auc"].to_list()[:3] == pytest.approx(expected)
    assert table["auc"].to_list()[4] == pytest.approx(np.mean(expected))
    assert evaluation.endpoint == read.findings[:3]
    low, high = table.row(-1, named=True)["auc_low"], table.row(-1, named=True)["auc_high"]
    assert low < evaluation.macro.value < high


def test_a_rare_finding_has_counts_and_no_auc(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    evaluate(run, draws=DRAWS)
    row = pl.read_parquet(run / "metrics.parquet").row(3, named=True)
    assert row["status"] == "too few"
    assert row["positives"] < 10
    assert row["auc"] is None
    assert row["brier"] is None
    assert row["sensitivity_method"] == "Clopper-Pearson"
    assert row["sensitivity_n"] == row["positives"]


def test_a_test_set_without_the_endpoint_says_so(tmp_path):
    run = write_run(tmp_path / "run", studies=12)
    evaluation = evaluate(run, draws=DRAWS)
    assert evaluation.endpoint == ()
    assert math.isnan(evaluation.macro.value)
    assert evaluation.bins == ()
    assert pl.read_parquet(run / "metrics.parquet").row(-1, named=True)["auc"] is None


def test_one_class_is_not_estimable(tmp_path):
    run = write_run(tmp_path / "run")
    predictions = pl.read_parquet(run / "predictions.parquet")
    predictions.with_columns(label=pl.lit(0, dtype=pl.Int8)).write_parquet(
        run / "predictions.parquet"
    )
    evaluation = evaluate(run, draws=DRAWS)
    assert {result.support.status for result in evaluation.findings} == {"not estimable"}
    assert all(result.auc is None for result in evaluation.findings)


def test_only_routed_arms_have_routing(tmp_path):
    assert evaluate(write_run(tmp_path / "a", arm="frozen"), draws=DRAWS).routing is None
    routing = evaluate(write_run(tmp_path / "b", arm="molre"), draws=DRAWS).routing
    assert np.abs(routing.association[0, 0, 0]) > routing.critical[0]  # planted by the builder


def test_every_routed_layer_is_summarized(tmp_path):
    run = write_run(tmp_path / "run", arm="molre", studies=80, layers=("a", "b", "c"))
    routing = evaluate(run, draws=DRAWS).routing
    assert routing.layers == ("a", "b", "c")
    assert routing.found[2, 0, 0]  # planted by the builder in the last layer
    assert not routing.found[:2].any()


def test_the_same_run_gives_the_same_bytes(tmp_path):
    run = write_run(tmp_path / "run")
    evaluate(run, draws=DRAWS)
    first = (run / "metrics.parquet").read_bytes()
    evaluate(run, draws=DRAWS)
    assert (run / "metrics.parquet").read_bytes() == first


def test_studies_of_one_patient_are_clusters(tmp_path):
    evaluation = evaluate(write_run(tmp_path / "run", studies=80, studies_a_patient=2), draws=DRAWS)
    assert (evaluation.studies, evaluation.patients) == (80, 40)
    assert evaluation.findings[0].auc.method == "score interval, patients as clusters"


def test_each_further_table_is_written_and_a_stale_one_removed(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    (run / "subgroups.parquet").write_bytes(b"of a cohort that is gone")
    evaluation = evaluate(run, draws=DRAWS)
    written = {name for name in FURTHER_TABLES if (run / f"{name}.parquet").is_file()}
    assert written == {"operating_points", "predictive_values", "decision_curve", "abstention"}
    assert set(evaluation.sections.missing) == {"subgroups", "sensitivity", "label_noise"}
    assert written == set(evaluation.sections.tables)


def test_evaluating_again_keeps_the_prevalences_that_were_stated(tmp_path):
    run = write_run(tmp_path / "run", studies=80)
    evaluate(run, draws=DRAWS, prevalences=(0.03,))
    first = (run / "predictive_values.parquet").read_bytes()
    evaluate(run, draws=DRAWS)
    assert (run / "predictive_values.parquet").read_bytes() == first
    table = pl.read_parquet(run / "predictive_values.parquet")
    stated = table.filter(pl.col("prevalence_origin") == "stated")["prevalence"]
    assert stated.unique().to_list() == [0.03]
