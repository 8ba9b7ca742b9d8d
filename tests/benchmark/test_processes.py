"""Cells in processes of their own: one may be killed, and so may the run that started them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from molre.benchmark.benchmark import benchmark
from molre.benchmark.collect import collect
from molre.benchmark.job_process import PROGRAM
from molre.benchmark.plan import Plan
from molre.benchmark.run_grid import known_looks, run_cells
from molre.errors import MolreError
from molre.output.benchmark.table import write_csv
from molre.shard import Shard
from molre.workers.job import Job, run_job
from tests.helpers.benchmark.small_bench import bench, config, inside, without_times

SMALL = config(
    placements={"slice": {"arms": ["frozen", "mlp_matched"]}}, max_epochs=30, patience=30
)
DRAWS = 100


def processes_of(folder: Path) -> list[int]:
    """Children at work on a BENCH, by what they hold open."""
    found = []
    for proc in Path("/proc").iterdir():
        try:
            if b"molre.benchmark.job_process" in (proc / "cmdline").read_bytes():
                held = [os.readlink(fd) for fd in (proc / "fd").iterdir()]
                found += [int(proc.name)] if any(str(folder) in h for h in held) else []
        except (OSError, ValueError):
            continue
    return found


def wait_for(what, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory, cohort: Path) -> Path:
    """The same benchmark, run without any trouble."""
    folder = tmp_path_factory.mktemp("calm") / "bench"
    shared = bench(folder, cohort, SMALL)
    shared.folder.write_config(SMALL)
    run_cells(shared, Shard(), inside)
    done = benchmark(SMALL, cohort, folder, only_tables=True, draws=DRAWS)
    assert done.exit_code == 0
    return folder


def test_a_killed_run_takes_its_cells_along_and_the_next_ends_at_the_same_table(
    cohort: Path, calm: Path, tmp_path: Path
) -> None:
    folder, grid = tmp_path / "bench", tmp_path / "grid.yaml"
    grid.write_text(yaml.safe_dump(SMALL.model_dump(mode="json")))
    (folder / "state").mkdir(parents=True)
    for path in (calm / "state").glob("look-*.json"):
        shutil.copy(path, folder / "state")  # the backbone is known
    command = [sys.executable, "-m", "molre", "benchmark", cohort, "--config", grid, "-o", folder]
    first = subprocess.Popen([*map(str, command), "--workers", "1"], stderr=subprocess.DEVNULL)
    wait_for(lambda: any(folder.glob("cells/*/checkpoint-*.safetensors")) or first.poll())
    assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_for(lambda: not processes_of(folder), 10)
    assert not any(folder.glob("cells/*-mlp_matched-0/manifest.json"))
    run_cells(bench(folder, cohort, SMALL), Shard(), inside)
    assert benchmark(SMALL, cohort, folder, only_tables=True, draws=DRAWS).exit_code == 0
    assert without_times(folder / "table.csv").equals(without_times(calm / "table.csv"))
    for run in (calm / "cells").iterdir():
        for name in ("predictions.parquet", "model/model.safetensors"):
            other = folder / "cells" / run.name / name
            assert other.read_bytes() == (run / name).read_bytes(), (run.name, name)


def test_a_cell_whose_process_is_killed_is_tried_again(
    cohort: Path, calm: Path, tmp_path: Path
) -> None:
    shared = bench(tmp_path / "bench", cohort, SMALL)
    plan = Plan(shared, known_looks(bench(calm, cohort, SMALL)))
    (cell, *_) = [c for c in _cells(shared, plan) if c.arm == "frozen"]
    found: list[object] = []
    at_work = threading.Thread(target=lambda: found.append(run_job(plan.job(cell))))
    at_work.start()
    wait_for(lambda: processes_of(tmp_path / "bench"))
    for pid in processes_of(tmp_path / "bench"):
        os.kill(pid, signal.SIGKILL)
    at_work.join(120)
    assert [(o.state, o.attempts) for o in found] == [("done", 2)]


def _cells(shared, plan):
    from molre.benchmark.grid import make_grid

    return make_grid(shared.config, {n: looked.reasons for n, looked in plan.looks.items()}).cells


def test_ctrl_c_ends_a_run_and_the_process_it_waits_for(tmp_path: Path) -> None:
    job = Job(PROGRAM, "look", "slow", str(tmp_path / "state"), {"choice": {}, "configs": {}})
    # a test before this one may have left another handler in this process
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:  # as soon as it is there: it does not work for long
        while not processes_of(tmp_path):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run_job(job)
    assert processes_of(tmp_path) == []
    assert not job.file("json").exists()


def test_a_job_that_dies_twice_is_recorded_with_what_killed_it(tmp_path: Path) -> None:
    job = Job(
        PROGRAM,
        "look",
        "hopeless",
        str(tmp_path / "state"),
        {"choice": {"backbone": "no such"}, "configs": {}},
    )
    outcome = run_job(job)
    assert (outcome.state, outcome.attempts) == ("failed", 2)
    assert "unknown backbone 'no such'" in outcome.reason
    assert job.file("json").is_file()
    assert job.file("log").read_text().count("unknown backbone") == 2


def test_two_shards_make_the_table_of_one(cohort: Path, calm: Path, tmp_path: Path) -> None:
    shared = bench(tmp_path / "bench", cohort, SMALL)
    run_cells(shared, Shard(2, 2), inside)
    half = collect(shared, draws=DRAWS)
    assert half.missing == ("efficientnet_lite0-slice-frozen-0",)
    assert [(r.state, r.verdict) for r in half.rows if not r.seeds] == [("missing", "not run yet")]
    run_cells(shared, Shard(1, 2), inside)
    write_csv(collect(shared, draws=DRAWS), tmp_path / "table.csv")
    assert without_times(tmp_path / "table.csv").equals(without_times(calm / "table.csv"))


def test_what_fails_is_named_and_the_rest_goes_on(cohort: Path, vit: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken_vit"
    broken.mkdir()
    for path in vit.iterdir():
        data = path.read_bytes()
        (broken / path.name).write_bytes(data[: len(data) // 2] if "safe" in path.name else data)
    chosen = config(broken, placements={"slice": {"arms": ["frozen"]}})
    shared = bench(tmp_path / "bench", cohort, chosen)
    run_cells(shared, Shard(), inside)
    table = collect(shared, draws=DRAWS)
    assert [(row.backbone, row.state) for row in table.rows] == [
        ("efficientnet_lite0", "not converged" if table.rows[0].state != "done" else "done"),
        ("hf:broken_vit", "failed"),
    ]
    ((cell, reason),) = table.failed
    assert "broken_vit" in cell
    assert "cannot be loaded" in reason
    assert "broken_vit" in reason


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_fails_is_named_and_nothing_is_lost(cohort: Path, tmp_path: Path) -> None:
    chosen = config(placements={"slice": {"arms": ["frozen"], "slices": 2}})
    shared = replace(bench(tmp_path / "bench", cohort, chosen), device="cuda")
    run_cells(shared, Shard(), inside)
    ((cell, reason),) = collect(shared, draws=DRAWS).failed
    assert cell == "efficientnet_lite0-slice-frozen-0"
    assert reason.startswith("embedding: ")
    assert "NVIDIA" in reason or "CUDA" in reason
    run_cells(bench(tmp_path / "bench", cohort, chosen), Shard(), inside)
    assert collect(shared, draws=DRAWS).failed == ()


def test_a_folder_of_another_benchmark_or_of_something_else_is_refused(
    cohort: Path, calm: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(MolreError, match="holds other files and is not a benchmark"):
        benchmark(SMALL, cohort, tmp_path)
    with pytest.raises(MolreError, match="holds no benchmark yet"):
        benchmark(SMALL, cohort, tmp_path / "new", only_tables=True)
    other = config(placements={"slice": {"arms": ["frozen"]}}, max_epochs=31, patience=30)
    before = (calm / "table.csv").read_bytes()
    with pytest.raises(MolreError, match="holds a run with another configuration"):
        benchmark(other, cohort, calm)
    assert (calm / "table.csv").read_bytes() == before
    benchmark(None, cohort, calm, only_tables=True, draws=DRAWS)  # of the configuration it has
    assert (calm / "table.csv").read_bytes() == before
