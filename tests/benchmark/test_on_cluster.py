"""Jobs on a Dask cluster: the same function, run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from molre.benchmark.job_process import PROGRAM
from molre.benchmark.plan import Plan
from molre.benchmark.run_grid import grid_of, known_looks, on_cluster, run_cells
from molre.errors import MolreError
from molre.shard import Shard
from molre.workers.job import Job
from tests.helpers.benchmark.small_bench import bench, config, inside

distributed = pytest.importorskip("distributed")

SMALL = config(placements={"slice": {"arms": ["frozen", "mlp_matched"]}})


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A worker in a process of its own, which starts processes for its jobs."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


def test_a_cell_that_a_cluster_trains_is_the_one_from_here(
    address: str, cohort: Path, tmp_path: Path
) -> None:
    """Run, scores and all, to the bit."""
    here, there = (bench(tmp_path / name, cohort, SMALL) for name in ("here", "there"))
    run_cells(here, Shard(), inside)
    plan = Plan(there, known_looks(here))
    (cell,) = [cell for cell in grid_of(here).cells if cell.arm == "mlp_matched"]
    ((job, outcome),) = on_cluster(address)([plan.job(cell)])
    assert outcome.state == "done", outcome.reason
    assert outcome.facts["seconds_per_scan"] > 0
    assert there.folder.outcome(job.name) == outcome
    assert plan.is_done(cell)
    ours, theirs = (folder.folder.cell(cell.name) for folder in (here, there))
    for name in ("predictions.parquet", "model/model.safetensors"):
        assert (theirs / name).read_bytes() == (ours / name).read_bytes(), name
    assert sorted(p.name for p in theirs.iterdir()) == sorted(p.name for p in ours.iterdir())


def test_no_cluster_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = Job(PROGRAM, "look", "x", str(tmp_path))
    monkeypatch.setattr("molre.workers.cluster.CONNECT_SECONDS", 0.2)
    with pytest.raises(MolreError, match="no Dask scheduler answers"):
        list(on_cluster("tcp://127.0.0.1:9")([job]))
