"""A real Dask cluster on this machine: scheduler and workers in processes of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicoms import write_study

from molre.cohort import cluster
from molre.cohort.ingest import ingest
from molre.errors import MolreError, RefusedScan

distributed = pytest.importorskip("distributed")

SALT = b"a salt for tests"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as local,
    ):
        yield local.scheduler_address


def test_a_cohort_from_a_cluster_is_the_one_from_here(address, tmp_path):
    for i in range(4):
        write_study(tmp_path / "scans" / str(i), f"1.2.{i + 100}", f"P{i}", seed=i, slices=8)
    for path in (tmp_path / "scans" / "3").iterdir():
        path.write_bytes(path.read_bytes()[:-3000])
    here = ingest([tmp_path / "scans"], tmp_path / "here", salt=SALT)
    there = ingest([tmp_path / "scans"], tmp_path / "there", salt=SALT, scheduler=address)
    assert (there.studies, there.rejected) == (here.studies, here.rejected) == (3, 1)
    for name in ("scans.parquet", "rejects.csv"):
        mine, theirs = (tmp_path / where / name for where in ("here", "there"))
        assert mine.read_bytes() == theirs.read_bytes()


def test_results_come_in_order_and_a_bad_item_is_a_sentence(address):
    items = ["1 + 1", "{}['PATIENT^NAME']", "2 + 2"]
    found = list(cluster.each(eval, items, (), address, seconds=60))
    assert [item for item, _ in found] == items
    results = [result for _, result in found]
    assert (results[0], results[2]) == (2, 4)
    assert isinstance(results[1], RefusedScan)
    assert "PATIENT" not in str(results[1])


@pytest.mark.parametrize("harm", ["__import__('os')._exit(3)", "__import__('time').sleep(600)"])
def test_an_item_that_kills_or_holds_its_worker_is_given_up_and_the_rest_goes_on(address, harm):
    started = time.monotonic()
    found = dict(cluster.each(eval, [harm, "3 + 3"], (), address, seconds=2))
    assert found["3 + 3"] == 6
    assert isinstance(found[harm], RefusedScan)
    assert time.monotonic() - started < 120


def test_nobody_at_the_address_is_one_sentence(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(MolreError, match="no Dask scheduler"):
        list(cluster.each(eval, ["1"], (), "tcp://127.0.0.1:9", seconds=5))


def test_the_environment_is_not_touched(address):
    before = dict(os.environ)
    list(cluster.each(eval, ["1"], (), address, seconds=5))
    assert dict(os.environ) == before
    assert Path.cwd().exists()
