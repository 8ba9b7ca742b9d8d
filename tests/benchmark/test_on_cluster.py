"""Jobs on a Dask cluster: the same function, run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_bench import bench, config

from molre.benchmark.job import Job
from molre.benchmark.run import known_looks, on_cluster
from molre.errors import MolreError

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        protocol="tcp://",
    ) as local:
        yield local.scheduler_address


def test_a_job_on_a_cluster_leaves_what_it_would_leave_here(
    address: str, cohort: Path, vit: Path, tmp_path: Path
) -> None:
    shared = bench(tmp_path, cohort, config(backbones=[{"backbone": f"hf:{vit}"}]))
    ((job, outcome),) = on_cluster(address)(list(shared.look_jobs().values()))
    assert outcome.state == "done", outcome.reason
    assert job.file("json").is_file()
    assert known_looks(shared)["hf:tiny_vit"].dim == 16


def test_no_cluster_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = Job("look", "x", str(tmp_path))
    monkeypatch.setattr("molre.cohort.cluster.CONNECT_SECONDS", 0.2)
    with pytest.raises(MolreError, match="no Dask scheduler answers"):
        list(on_cluster("tcp://127.0.0.1:9")([job]))
