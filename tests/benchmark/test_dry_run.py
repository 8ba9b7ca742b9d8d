"""What a benchmark would take: measured, counted, added up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from molre.benchmark.backbone_speed import Measured
from molre.benchmark.cost import ASSUMPTIONS, LAST_BLOCKS, TFLOPS, WHOLE, WIDENED, Sizes, cost
from molre.benchmark.dry_run import BenchmarkEstimate
from molre.benchmark.grid import make_grid
from molre.benchmark.job_process import PROGRAM
from molre.cohort.cohort import Cohort
from molre.workers.job import Job
from tests.helpers.benchmark.small_bench import bench, config, inside

SIZES = Sizes(scans=1000, slices=30.0, train=0.6, tune=0.1)
VIT = Measured("vit", "", 80_000_000, 768, "slice", (3, 224, 224), 48, seconds=0.1, gflops=36.0)


def of(measured: Measured, device: str = "cpu", **more: object):
    chosen = config(
        backbones=[{"backbone": "vit"}], learning_rates=[1e-3, 3e-3], max_epochs=10, seeds=[0, 1],
        **more,
    )  # fmt: skip
    return cost(chosen, measured, make_grid(chosen, {}).cells, SIZES, device)


def test_slice_arms_share_one_pass_over_every_slice() -> None:
    got = of(VIT, placements={"slice": {"arms": ["frozen", "molre"]}})
    assert got.cells == 4
    assert got.embed == pytest.approx(1000 * 30 * 0.1 / 3600)
    assert got.blocks == 0
    assert got.gpu_hours == pytest.approx(1000 * 30 * 36.0 / (TFLOPS * 1e3) / 3600)
    assert got.gigabytes == pytest.approx((1000 * 30 * 768 * 2 + 4 * 80e6) / 1e9)


def test_block_arms_pay_for_every_epoch_rate_and_seed() -> None:
    arms = {"molre": LAST_BLOCKS, "lora_all": WHOLE}
    got = of(VIT, placements={"blocks": {"arms": list(arms)}})
    epochs = sum((2 + WIDENED) * 10 * (step * 600 + 100) for step in arms.values())
    assert got.blocks == pytest.approx(2 * (epochs + 2 * 1000) * 30 * 0.1 / 3600)
    assert got.embed == 0


def test_fewer_studies_and_slices_cost_less() -> None:
    few = {"arms": ["molre"], "studies": 70, "slices": 8}
    got = of(VIT, placements={"blocks": few})
    units = 2 * ((2 + WIDENED) * 10 * (LAST_BLOCKS * 60 + 10) + 370) * 8
    assert got.blocks == pytest.approx(units * 0.1 / 3600)


def test_what_could_not_be_run_has_no_hours_but_operations() -> None:
    got = of(replace(VIT, seconds=None), placements={"slice": {"arms": ["frozen"]}})
    assert got.hours is None
    assert got.gpu_hours is not None
    measured = of(VIT, "cuda:0", placements={"slice": {"arms": ["frozen"]}})
    assert measured.gpu_hours == measured.embed


def test_a_real_backbone_is_measured_and_its_operations_counted(
    cohort: Path, tmp_path: Path
) -> None:
    shared = bench(tmp_path, cohort, config(backbones=[{"backbone": "efficientnet_lite0"}]))
    (look,) = shared.look_jobs().values()
    ((_, outcome),) = inside(
        [Job(PROGRAM, "measure", "x", shared.state, look.facts | {"device": "cpu"})]
    )
    assert outcome.state == "done", outcome.reason
    got = Measured(**outcome.facts)
    assert got.seconds is not None
    assert got.seconds > 0
    # published: 407 M multiply-adds, of which a multiply and an add are two operations
    assert got.gflops == pytest.approx(2 * 0.407, rel=0.1)
    assert "molre" in got.reasons.get("blocks", {"molre": ""})


def test_the_cohort_is_counted(cohort: Path) -> None:
    got = Sizes.of(Cohort(cohort))
    assert (got.scans, got.slices) == (44, 3.0)
    assert got.train == pytest.approx(14 / 44)
    assert Sizes.of(Cohort(cohort), 70_000).scans == 70_000


def test_an_estimate_says_that_it_is_one_and_what_it_rests_on() -> None:
    got = of(VIT, placements={"slice": {"arms": ["frozen"]}})
    estimate = BenchmarkEstimate(
        "paper", 1000, 30.0, "cpu with 2 workers", 2, 1, (got,), (("x", "gated"),)
    )
    text, values = estimate.as_text(), json.loads(estimate.as_json())
    assert "An estimate: training ends earlier" in text
    assert "2 cells (1 combinations not applicable), 1,000 scans of 30 slices" in text
    assert "x: nothing is known about it: gated" in text
    assert all(f"- {assumption}" in text for assumption in ASSUMPTIONS)
    assert values["gpu_hours"] == pytest.approx(got.gpu_hours)
    assert values["assumptions"] == list(ASSUMPTIONS)


def test_workers_share_the_work_of_a_cpu_and_not_of_a_gpu() -> None:
    chosen = config(backbones=[{"backbone": "vit"}])
    cells = make_grid(chosen, {}).cells
    alone, both = (cost(chosen, VIT, cells, SIZES, "cpu", n) for n in (1, 2))
    assert alone.embed == pytest.approx(2 * both.embed)
    assert cost(chosen, VIT, cells, SIZES, "cuda", 2).embed == alone.embed
