"""A new arm is an entry of one dict: everything else asks it. And what the dict answers."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from molre.arms import blocks
from molre.arms.arm import Arm, SliceAdapter
from molre.arms.arms import ARMS, FROZEN, METHOD, at_placement, get_arm, rank, rivals_at, role_of
from molre.arms.slice_adapter import Bottleneck
from molre.audit.check import PASS
from molre.audit.checks.arm import NAME, SITES, named, sites
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.families import huggingface
from molre.benchmark.backbone_speed import Measured
from molre.benchmark.collect import collect
from molre.benchmark.config import BenchmarkConfig
from molre.benchmark.cost import Sizes, cost
from molre.benchmark.grid import make_grid
from molre.benchmark.inspect_backbone import reasons
from molre.benchmark.run_grid import run_cells
from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare_runs
from molre.evaluation.comparison.verdict import Evidence, Tested, verdict
from molre.output import charts
from molre.output.benchmark.table import BenchmarkTable
from molre.runs.run import read_run
from molre.shard import Shard
from molre.training.config import TrainConfig
from molre.workers.job import Job
from tests.helpers.benchmark.small_bench import (
    bench,
    config,
    inside,
    write_small_cohort,
    write_tiny_vit,
)
from tests.helpers.evaluation.runs import write_run
from tests.helpers.system import molre

COLOR, PASSES = "#123456", 2.0
WIDE = Arm(
    role="capacity control",
    plain="a wide bottleneck",
    question="is it only width?",
    slice=SliceAdapter("wide", lambda sizes: Bottleneck(sizes.dim, 2 * sizes.r)),
    blocks=blocks.lora("wide", lambda s: 2 * s.r, passes=PASSES),
    color=COLOR,
    marker="h",
)
PLACED = {
    "slice": {"arms": ["wide"]},
    "blocks": {"arms": ["wide"], "max_epochs": 1, "slices": 2},
}


@pytest.fixture(scope="module", autouse=True)
def _entered() -> Iterator[None]:
    """The one place where the arm is entered."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(ARMS, "wide", WIDE)
        yield


@pytest.fixture(scope="module")
def small(once: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort, a checkpoint, and the place of a benchmark."""
    root = tmp_path_factory.mktemp("arms")
    shutil.copytree(once("small_bench", write_small_cohort), root / "cohort")
    write_tiny_vit(root / "vit")
    return root


@pytest.fixture(scope="module")
def settings(small: Path) -> BenchmarkConfig:
    whole = config(small / "vit", placements=PLACED)
    return whole.model_copy(update={"backbones": whole.backbones[1:]})


@pytest.fixture(scope="module")
def loads() -> Counter[str]:
    """How often each job has read weights."""
    return Counter()


@pytest.fixture(scope="module")
def table(small: Path, settings: BenchmarkConfig, loads: Counter[str]) -> BenchmarkTable:
    """The benchmark, run in this process."""
    shared, read = bench(small / "bench", small / "cohort", settings), huggingface.load

    def each(jobs: list[Job]) -> Iterator[object]:
        for job in jobs:

            def counted(*given: object, job: Job = job) -> object:
                loads[job.name] += 1
                return read(*given)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(huggingface, "load", counted)
                yield from inside([job])

    run_cells(shared, Shard(), each)
    return collect(shared, draws=100)


def test_it_is_listed() -> None:
    rows = json.loads(molre("list", "arms", "--json").stdout)
    assert rows[-1] == {
        "arm": "wide", "placements": "slice, blocks", "question": "is it only width?"
    }  # fmt: skip


def test_it_trains_at_both_placements_and_is_a_row_of_the_table(table: BenchmarkTable) -> None:
    assert table.failed == ()
    rows = {(row.placement, row.arm): row for row in table.rows}
    width = 2 * TrainConfig().r
    assert rows["slice", "wide"].added == 2 * 16 * width + width  # D = 16
    assert rows["blocks", "wide"].added > 0


def test_it_is_compared_with_the_method_and_with_frozen(tmp_path: Path) -> None:
    arms = (METHOD, "wide", FROZEN)
    runs = [read_run(write_run(tmp_path / arm, arm=arm)) for arm in arms]
    got = compare_runs(runs, draws=50).result
    assert [arm.name for arm in got.arms] == [FROZEN, "wide", METHOD]
    primary = {(one.arm, one.control): one.primary for one in got.contrasts}
    assert primary == {(METHOD, FROZEN): True, (METHOD, "wide"): True, ("wide", FROZEN): False}


def test_the_verdict_on_the_method_rests_on_its_role() -> None:
    gain = Tested(0.1, 0.07, 0.13, 0.001, 0.001, 5, 0.03, seeds=3)
    others = [name for name in rivals_at("slice") if name != "wide"]
    tests = {("g", METHOD, name): gain for name in (FROZEN, *others)}
    assert "a wide bottleneck not run" in verdict("g", METHOD, FROZEN, Evidence(tests))
    equal = Tested(0.0, -0.005, 0.005, 0.9, 0.9, 5, 0.03, seeds=3)
    reached = tests | {("g", METHOD, "wide"): equal, ("g", "wide", FROZEN): gain}
    said = verdict("g", METHOD, FROZEN, Evidence(reached))
    assert said.startswith("gain also reached by a wide bottleneck, to within 0.01: capacity")


def test_it_is_drawn_in_its_color() -> None:
    point = [(0.7, 0.6, 0.8)]
    drawn = charts.forest(["a"], [charts.Series(n, point) for n in (FROZEN, "wide")], label="AUC")
    assert COLOR in drawn
    assert COLOR in charts.bars(["wide (here)"], [0.5], label="entropy")


def test_it_is_costed(settings: BenchmarkConfig) -> None:
    vit = Measured("vit", "", 1_000_000, 16, "slice", (3, 32, 32), 40, seconds=0.1, gflops=1.0)
    only = settings.model_copy(update={"placements": {"blocks": settings.placements["blocks"]}})
    sizes = Sizes(scans=100, slices=30.0, train=0.6, tune=0.1)
    got = cost(only, vit, make_grid(only, {}).cells, sizes, "cpu")
    assert got.blocks == pytest.approx(2 * (PASSES * 60 + 10 + 100) * 0.1 / 3600)


def test_where_it_cannot_be_the_look_at_a_backbone_says_so() -> None:
    from timm import create_model

    tight = TrainConfig(placement="blocks", budget=1e-9)
    found = reasons(create_model("test_vit"), False, {"blocks": tight})["blocks"]
    assert found["wide"] == found["lora"] == found[METHOD]
    assert found["wide"].startswith("budget")
    assert "frozen" not in found


def test_it_is_audited(table: BenchmarkTable, small: Path) -> None:
    for run in sorted((small / "bench" / "cells").glob("*-wide-0")):
        opened = RunUnderAudit(run, weights_dir=small / "vit")
        list(opened.whole())
        backbone = opened.fresh_backbone()
        checks = [*named(opened), *sites(opened, backbone)]
        assert [check.outcome for check in checks] == [PASS] * len(checks)
        names = [check.name for check in checks]
        assert names == ([NAME, SITES] if "-blocks-" in run.name else [NAME])


def test_every_job_reads_the_weights_once(table: BenchmarkTable, loads: Counter[str]) -> None:
    assert set(loads.values()) == {1}
    cells = [name for name in loads if not name.startswith(("look-", "embed-"))]
    assert len(cells) == 2


def test_one_arm_is_the_method_and_one_is_frozen() -> None:
    assert [name for name in ARMS if role_of(name) == "method"] == [METHOD] == ["molre"]
    assert [name for name in ARMS if role_of(name) == "frozen"] == [FROZEN] == ["frozen"]


def test_tables_have_frozen_first_the_ceiling_last_and_strangers_behind() -> None:
    shuffled = ["a stranger", "full", "molre", "molre_shuffled", "lora_matched", "lora", "frozen"]
    assert sorted(shuffled, key=rank) == shuffled[::-1]
    assert role_of("a stranger") is None


def test_what_the_method_must_be_above_at_each_placement() -> None:
    routers = ("molre_random_router", "molre_shuffled")
    known = [tuple(n for n in rivals_at(p) if n != "wide") for p in ("slice", "blocks")]
    assert known == [("mlp_matched", *routers), ("lora", "lora_matched", "lora_all", *routers)]


def test_no_two_arms_look_alike() -> None:
    looks = [(arm.color, arm.marker) for arm in ARMS.values()]
    assert len(set(looks)) == len(looks)


def test_arms_answer_misspellings_and_impossible_placements() -> None:
    with pytest.raises(MolreError, match=r"(?i)did you mean 'molre'"):
        get_arm("molr", "slice")
    with pytest.raises(MolreError, match="no placement 'slice'"):
        get_arm("lora", "slice")
    assert at_placement("slice")[:5] == [
        "frozen", "mlp_matched", "molre", "molre_random_router", "molre_shuffled"
    ]  # fmt: skip
