"""A contrast has one adjusted p, in ``molre compare`` and in a benchmark of the same runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.benchmark.judged import Judged, draws_for
from molre.evaluation.comparison.compare import compare_runs
from molre.evaluation.comparison.verdict import row_verdict
from molre.runs.run import Run, read_run
from tests.helpers.evaluation.runs import write_run

ARMS = ("frozen", "mlp_matched", "molre_shuffled", "molre")


def runs_of(folder: Path, backbone: str, first: int) -> list[Run]:
    return [
        read_run(
            write_run(
                folder / f"{backbone}-{arm}-{seed}", arm=arm, seed=first + 10 * i + seed,
                skill=0.6 + 0.1 * i, backbone={"name": backbone, "parameters": 1000},
                rate_at_edge=arm == "frozen",
            )
        )
        for i, arm in enumerate(ARMS)
        for seed in (0, 1, 2)
    ]  # fmt: skip


def test_both_adjust_over_all_backbones_by_one_rule(tmp_path):
    groups = {
        ("one", "slice"): runs_of(tmp_path, "one", 0),
        ("two", "slice"): runs_of(tmp_path, "two", 100),
    }
    draws = draws_for(groups)
    together = compare_runs([run for runs in groups.values() for run in runs])
    assert draws == together.result.draws == 4000  # ten contrasts
    apart = {group: compare_runs(runs, draws=draws) for group, runs in groups.items()}
    found_in = Judged(apart)
    evidence, versus = found_in.evidence, found_in.versus
    for contrast in together.result.contrasts:
        backbone, placement = contrast.group.split(", ")
        found = next(
            v for v in versus[backbone, placement]
            if (v.arm, v.control) == (contrast.arm, contrast.control)
        )  # fmt: skip
        assert (found.p, found.alone) == (contrast.macro.p_adjusted, contrast.macro.p)
        if contrast.control == "frozen":
            said = row_verdict(f"{backbone}/{placement}", contrast.arm, evidence)
            assert said == contrast.verdict
            assert "the learning rate of frozen is at the edge of the grid" in said


@pytest.mark.parametrize(("backbones", "contrasts"), [(1, 5), (7, 35)])
def test_draws_grow_with_the_benchmark(tmp_path, backbones, contrasts):
    runs = runs_of(tmp_path, "one", 0)
    groups = {(f"b{i}", "slice"): runs for i in range(backbones)}
    assert draws_for(groups) == max(2000, 400 * contrasts)
