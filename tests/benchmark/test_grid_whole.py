"""A whole grid, two backbones and both placements: what the table says, and from what."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.benchmark.collect import collect
from molre.benchmark.run_grid import run_cells
from molre.evaluation.comparison.compare import compare_runs
from molre.output.benchmark.table import BenchmarkTable, write_csv, write_markdown
from molre.runs.run import read_run
from molre.shard import Shard
from tests.helpers.benchmark.small_bench import bench, config, inside

DRAWS = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, cohort: Path, vit: Path) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "bench"
    run_cells(bench(folder, cohort, config(vit)), Shard(), inside)
    return folder


@pytest.fixture(scope="module")
def table(whole: Path, cohort: Path, vit: Path) -> BenchmarkTable:
    made = collect(bench(whole, cohort, config(vit)), draws=DRAWS)
    write_csv(made, whole / "table.csv")
    write_markdown(made, whole / "table.md")
    return made


def test_every_combination_is_a_row_and_none_is_lost(table: BenchmarkTable) -> None:
    got = {(r.backbone, r.placement, r.arm): r.state for r in table.rows}
    assert len(got) == len(table.rows) == 2 * (3 + 3)
    lite, vit = "efficientnet_lite0", "hf:tiny_vit"
    assert got[lite, "blocks", "molre"] == "not applicable"
    for backbone in (lite, vit):
        assert got[backbone, "blocks", "mlp_matched"] == "not applicable"
        assert got[backbone, "slice", "molre"] in ("done", "not converged")
    assert got[vit, "blocks", "molre"] == "not converged"  # one epoch
    assert table.failed == ()
    assert table.missing == ()


def test_a_row_s_numbers_are_those_of_its_run(table: BenchmarkTable, whole: Path) -> None:
    for row in table.scored_rows:
        (cell,) = row.cells
        manifest = json.loads((whole / "cells" / cell / "manifest.json").read_text())
        assert row.added == manifest["added_parameters"]
        assert row.parameters == manifest["backbone"]["parameters"]
        assert row.share == pytest.approx(manifest["added_share"])
        alone = compare_runs([read_run(whole / "cells" / cell)], draws=DRAWS, fewest=1)
        assert row.auc == alone.result.arms[0].macro.value
        assert (row.low, row.high) == (
            alone.result.arms[0].macro.low,
            alone.result.arms[0].macro.high,
        )
        assert row.seconds is not None
        assert row.seconds > 0
        assert np.mean(list(row.categories.values())) == pytest.approx(row.auc)


def test_p_values_are_adjusted_over_all_backbones_at_once(
    table: BenchmarkTable, whole: Path
) -> None:
    from statsmodels.stats.multitest import multipletests

    raw: dict[bool, list[float]] = {True: [], False: []}
    got: dict[bool, list[float]] = {True: [], False: []}
    for (backbone, placement), contrasts in table.contrasts.items():
        rows = [r for r in table.scored_rows if (r.backbone, r.placement) == (backbone, placement)]
        runs = [read_run(whole / "cells" / cell) for row in rows for cell in row.cells]
        for contrast in compare_runs(runs, draws=DRAWS, fewest=1).result.contrasts:
            raw[contrast.arm == "molre"].append(contrast.macro.p)
            (found,) = [
                v for v in contrasts if (v.arm, v.control) == (contrast.arm, contrast.control)
            ]
            got[contrast.arm == "molre"].append(found.p)
    assert table.family == (len(raw[True]), len(raw[False])) == (5, 2)
    for family in (True, False):
        assert got[family] == pytest.approx(multipletests(raw[family], method="holm")[1])


def test_the_same_studies_are_tested_at_both_placements(whole: Path) -> None:
    tested = {path.name: read_run(path).studies for path in sorted((whole / "cells").iterdir())}
    assert len(set(tested.values())) == 1
    smaller = pl.read_csv(whole / "cohorts" / "blocks" / "splits.csv")["split"].value_counts()
    assert dict(smaller.iter_rows()) == {"train": 12, "tune": 4, "calibrate": 4, "test": 22}


def test_each_backbone_embeds_a_cohort_once(whole: Path, cohort: Path) -> None:
    passes = sorted(p.stem for p in (whole / "state").glob("embed-*.json"))
    assert len(passes) == 4
    runs = [read_run(path) for path in (whole / "cells").iterdir()]
    used = {r.manifest["embeddings"] for r in runs if r.manifest["placement"] == "slice"}
    assert len(used) == 2
    for name in used:
        assert len(list((cohort / "embeddings" / name).glob("*.safetensors"))) == 1


def test_tables_say_what_they_are_of(table: BenchmarkTable, whole: Path) -> None:
    text = (whole / "table.md").read_text()
    assert "Synthetic" in text
    assert "22 synthetic test studies of 22 patients" in text
    assert "blank labels: blank_means" in text
    assert "no difference shown" in text
    assert "the budget ended before it converged" in text
    assert str(whole) not in text
    csv = pl.read_csv(whole / "table.csv")
    assert len(csv) == len(table.rows)
    assert csv["synthetic"].all()
    assert set(csv["state"]) == {r.state for r in table.rows}


def test_a_second_run_does_nothing(
    whole: Path, table: BenchmarkTable, cohort: Path, vit: Path
) -> None:
    asked = []

    def count(jobs):
        asked.extend(jobs)
        yield from inside(jobs)

    run_cells(bench(whole, cohort, config(vit)), Shard(), count)
    assert asked == []
