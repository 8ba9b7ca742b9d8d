"""A real Dask cluster on this machine: scheduler and workers in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from molre.cohort.ingest import ingest
from molre.errors import MolreError, RefusedScan
from molre.workers import cluster
from tests.helpers.cohort.dicoms import write_study

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
    """Those that happen to be on the same worker are not blamed, however often it dies."""
    items = ["1 + 1", harm, "2 + 2", "3 + 3", "4 + 4"]
    found = list(cluster.each(eval, items, (), address, seconds=2))
    assert [item for item, _ in found] == items
    assert [result for item, result in found if item != harm] == [2, 4, 6, 8]
    assert isinstance(dict(found)[harm], RefusedScan)


def test_another_molre_on_the_cluster_is_one_sentence(address, monkeypatch):
    """Rather than a reason to refuse every study."""
    monkeypatch.setattr("molre.__version__", "0.0.1")
    with pytest.raises(MolreError, match="no molre, or another version") as raised:
        list(cluster.each(eval, ["1"], (), address, seconds=5))
    assert "install molre 0.0.1" in raised.value.message.lower()


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A scheduler without workers, and little patience."""
    for name in ("LOOK", "SILENT", "WITHOUT_WORKERS"):
        monkeypatch.setattr(cluster, name, 0.5)
    file = tmp_path / "scheduler.json"
    verb = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, *verb, "--host", "127.0.0.1", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(command, **quiet)
    try:
        while not file.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"], scheduler
    finally:
        scheduler.kill()
        scheduler.wait()


def test_a_cluster_without_workers_is_not_waited_for_without_end(bare):
    address, _ = bare
    with pytest.raises(MolreError, match="has had no workers for"):
        list(cluster.each(eval, ["1"], (), address, seconds=5))


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_scheduler_that_goes_or_falls_silent_is_one_sentence(bare, monkeypatch, sign):
    address, scheduler = bare
    monkeypatch.setattr(cluster, "WITHOUT_WORKERS", 600)
    threading.Timer(0.7, scheduler.send_signal, (sign,)).start()
    with pytest.raises(MolreError, match="scheduler is gone") as raised:
        list(cluster.each(eval, ["1"], (), address, seconds=5))
    assert "run the same command again" in raised.value.message


def test_nobody_at_the_address_is_one_sentence(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(MolreError, match="no Dask scheduler"):
        list(cluster.each(eval, ["1"], (), "tcp://127.0.0.1:9", seconds=5))


def test_without_dask_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MolreError, match=r"pip install 'molre\[cluster\]'"):
        list(cluster.each(eval, ["1"], (), "tcp://127.0.0.1:9", seconds=5))


def test_the_environment_is_not_touched(address):
    before = dict(os.environ)
    list(cluster.each(eval, ["1"], (), address, seconds=5))
    assert dict(os.environ) == before
    assert Path.cwd().exists()
