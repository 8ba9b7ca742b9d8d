from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from molre.evaluation.sensitivity import MACRO, POLICY, SOURCE, sensitivity
from molre.evaluation.statistics.auc import auc
from molre.labels.findings import findings
from molre.runs.run import Run, read_run
from tests.helpers.evaluation.runs import FINDINGS, write_run

TABLE = findings()


def long_labels(run: Run, source: list[str], blank: np.ndarray) -> pl.DataFrame:
    """Labels as stated; where ``blank`` nothing is said, else what the run was scored by."""
    rows = []
    for i, study in enumerate(run.studies):
        for k, finding in enumerate(run.findings):
            state = {1.0: "present", 0.0: "absent"}.get(run.labels[i, k], "uncertain")
            if blank[i, k] and state == "absent":
                state = "not_mentioned"
            rows.append((study, finding, state, source[i], "", ""))
    columns = ["study_id", "finding", "state", "source", "labeller", "evidence"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_blanks_of_reports_count_under_one_policy_and_not_under_the_other(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200))
    blank = np.random.default_rng(0).random(run.labels.shape) < 0.4
    table = sensitivity(run, long_labels(run, ["report-rules"] * 200, blank), TABLE)
    assert table["comparison"].unique().to_list() == [POLICY]
    k = 0
    assert TABLE.by_id[FINDINGS[k]].blank_means == "absent"
    rows = {r["variant"]: r for r in table.filter(pl.col("finding") == FINDINGS[k]).to_dicts()}
    assert rows["blank_means"]["auc"] == pytest.approx(auc(run.logits[:, k], run.labels[:, k]))
    masked = np.where(blank[:, k] & (run.labels[:, k] == 0), np.nan, run.labels[:, k])
    assert rows["mask"]["auc"] == pytest.approx(auc(run.logits[:, k], masked))
    assert rows["mask"]["n"] == (~np.isnan(masked)).sum() < rows["blank_means"]["n"]


def test_readers_and_reports_are_scored_apart(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=200))
    source = ["reader"] * 90 + ["report-llm"] * 110
    table = sensitivity(run, long_labels(run, source, np.zeros(run.labels.shape, bool)), TABLE)
    apart = table.filter(pl.col("comparison") == SOURCE)
    assert apart["variant"].unique(maintain_order=True).to_list() == ["reader", "report-llm"]
    first = apart.row(0, named=True)
    assert first["auc"] == pytest.approx(auc(run.logits[:90, 0], run.labels[:90, 0]))
    macro = apart.filter(pl.col("finding") == MACRO)
    assert macro["n"].to_list() == [90, 110]
    assert macro["status"].to_list() == ["mean of 3 findings"] * 2
    own = apart.filter((pl.col("variant") == "reader") & pl.col("finding").is_in(FINDINGS[:3]))
    assert macro["auc"][0] == pytest.approx(own["auc"].mean())


def test_a_source_that_labeled_few_patients_is_not_scored(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=240, studies_a_patient=20))
    source = ["reader"] * 120 + ["report-llm"] * 120
    table = sensitivity(run, long_labels(run, source, np.zeros(run.labels.shape, bool)), TABLE)
    apart = table.filter(pl.col("finding") == FINDINGS[0])
    assert apart.filter(pl.col("comparison") == SOURCE)["status"].to_list() == ["too few"] * 2
    assert apart.filter(pl.col("comparison") == POLICY)["status"].to_list() == ["scored"] * 2
