from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from molre.evaluation.patient_groups import MOST, OTHER, scan_groups
from molre.evaluation.statistics.auc import auc
from molre.evaluation.subgroups import ALL, subgroups, variation
from molre.runs.run import read_run
from tests.helpers.evaluation.runs import FINDINGS, write_run


def two_groups(seed: int, first: float, second: float, positives: int = 25):
    rng = np.random.default_rng(seed)
    labels = np.tile(np.repeat([1.0, 0.0], [positives, 75]), 2)
    group = np.repeat([True, False], positives + 75)
    shift = np.where(group, norm.ppf(first), norm.ppf(second)) * math.sqrt(2)
    scores = rng.normal(size=len(labels)) + labels * shift
    return scores, labels, [group, ~group], [f"p{i:04d}" for i in range(len(labels))]


def test_groups_that_are_read_alike_are_rarely_told_apart():
    found = sum(variation(*two_groups(seed, 0.85, 0.85)).p < 0.05 for seed in range(400))
    assert 4 <= found <= 32  # 20 expected


def test_few_positives_near_one_do_not_break_the_test():
    found = sum(variation(*two_groups(seed, 0.97, 0.97, 10)).p < 0.05 for seed in range(300))
    assert found <= 26  # 15 expected


def test_a_group_that_is_read_worse_is_found():
    found = sum(variation(*two_groups(seed, 0.92, 0.68)).p < 0.05 for seed in range(100))
    assert found > 80


def test_perfect_groups_do_not_differ_and_one_group_is_no_test():
    labels = np.tile([1.0, 0.0], 40)
    groups = [np.arange(80) < 40, np.arange(80) >= 40]
    patients = [f"p{i:02d}" for i in range(80)]
    assert variation(labels, labels, groups, patients).p > 0.9
    assert math.isnan(variation(labels, labels, groups[:1], patients).p)


def test_every_group_has_its_n_and_small_ones_counts_only(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=120))
    groups = np.array(["a", "b"] * 50 + ["c"] * 10 + [None] * 10, dtype=object)
    table = subgroups(run, [0, 1], {"site": groups})
    assert len(table) == 2 * 4
    first = table.filter((pl.col("group") == "a") & (pl.col("finding") == FINDINGS[0])).row(
        0, named=True
    )
    here = groups == "a"
    assert first["auc"] == pytest.approx(auc(run.logits[here, 0], run.labels[here, 0]))
    assert first["n"] == (~np.isnan(run.labels[here, 0])).sum()
    small = table.filter(pl.col("group") == "c")
    assert small["auc"].null_count() == 2
    assert small["positives"].to_list() == [
        int((run.labels[groups == "c", k] == 1).sum()) for k in (0, 1)
    ]
    tests = table.filter(pl.col("group") == ALL)
    assert tests["groups_tested"].to_list() == [2, 2]
    assert (tests["p_variation_adjusted"] >= tests["p_variation"]).all()
    assert tests["n"][0] == (~np.isnan(run.labels[:110, 0])).sum()


def scans(**columns: list[object]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    kinds = {"slice_thickness": pl.Float64, "tilt": pl.Float64, "age": pl.Float64}
    names = ("manufacturer", "kernel", "slice_thickness", "tilt", "age", "sex")
    return pl.DataFrame(
        {"study": [f"s{i}" for i in range(n)]}
        | {name: columns.get(name, [None] * n) for name in names}
        | {name: values for name, values in columns.items() if name not in names},
        schema_overrides={name: kinds.get(name, pl.String) for name in names},
    )


def test_groups_are_bands_of_what_the_scan_says():
    found = scan_groups(
        scans(
            slice_thickness=[1.0, 1.5, 5.0, None],
            age=[30.0, 40.0, 79.0, 90.0],
            tilt=[0.2, -12.0, None, 0.0],
            kernel=["H31s", "H70h", "?", None],
        ),
        ["s0", "s1", "s2", "s3"],
    )
    assert found["slice thickness, mm"].tolist() == ["under 1.5", "1.5 to 3.5", "3.5 to 5.5", None]
    assert found["age, years"].tolist() == ["under 40", "40 to 60", "60 to 80", "80 and over"]
    assert found["gantry tilt"].tolist() == ["not tilted", "tilted", None, "not tilted"]
    assert found["kernel"].tolist() == ["soft", "sharp", None, None]
    assert "sex" not in found  # one group, or none, is no subgroup
    assert "site" not in found


def test_sites_count_where_the_cohort_has_them_and_many_groups_are_joined():
    names: list[object] = [f"m{i % 12}" for i in range(40)]
    found = scan_groups(scans(site=names), [f"s{i}" for i in range(40)])
    assert len(set(found["site"])) == MOST
    assert OTHER in found["site"]


def test_a_group_of_few_patients_is_not_scored_however_many_scans_they_have(tmp_path):
    run = read_run(write_run(tmp_path / "run", studies=240, studies_a_patient=20))
    half = np.repeat(np.array(["a", "b"], dtype=object), 120)
    table = subgroups(run, [0], {"site": half})
    rows = {row["group"]: row for row in table.iter_rows(named=True)}
    assert [rows[g]["status"] for g in ("a", "b", "all groups")] == ["too few", "too few", "scored"]
    assert rows["a"]["positives"] > 30
    assert rows["a"]["auc"] is None
