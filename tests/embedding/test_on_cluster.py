"""Embedding on a real Dask cluster on this machine: the files are those of an embedding here."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from molre.backbones.catalogue import load
from molre.backbones.contract import Contract
from molre.backbones.request import BackboneRequest
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.ct.cache.volume_cache import volumes_of
from molre.embedding.embed import embed
from molre.embedding.on_cluster import embed_on_worker
from molre.embedding.one_series import SeriesJob
from molre.errors import MolreError
from molre.workers import cluster
from tests.helpers.cohort.dicoms import write_study

distributed = pytest.importorskip("distributed")

SMALL = {"backbone": "efficientnet_lite0", "contract": Contract(size=32)}
STUDIES = 6


@pytest.fixture(scope="module")
def local() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster_here:
        yield cluster_here


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for i in range(STUDIES):
        write_study(folder / "scans" / str(i), f"1.2.{i + 100}", f"P{i}", seed=i, slices=8)
    ingest([folder / "scans"], folder / "one", salt=b"a salt for tests", workers=1)
    shutil.copytree(folder / "one", folder / "two")
    return folder


def kill_one_at_work(local: Any) -> None:
    """Wait until a worker has begun a study, and kill it."""
    busy: list[str] = []
    while not busy:
        time.sleep(0.01)
        busy = [w.nanny for w in list(local.scheduler.workers.values()) if w.processing]
    (nanny,) = [n for n in local.workers.values() if n.address == busy[0]]
    os.kill(nanny.process.pid, signal.SIGKILL)


def test_a_cache_from_a_cluster_is_the_one_from_here(local: Any, made: Path) -> None:
    """Byte for byte, though a worker is killed, and one scan cannot be read any more."""
    gone = Cohort(made / "one").chosen().sort("study").row(2, named=True)
    Path(gone["files"][0]).unlink()
    here = embed(made / "one", **SMALL, workers=2)
    killer = threading.Thread(target=kill_one_at_work, args=(local,))
    killer.start()
    scheduler = local.scheduler_address
    there = embed(made / "two", **SMALL, scheduler=scheduler)
    killer.join()
    assert there.failed == here.failed
    assert [study for study, _ in here.failed] == [gone["study"]]
    assert len(there.cache) == STUDIES - 1
    folders = (done.cache.folder for done in (here, there))
    mine, theirs = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert mine == theirs


def test_a_worker_with_other_weights_is_one_sentence(made: Path) -> None:
    job = SeriesJob("a study", "0", ("gone.dcm",), None, volumes_of(made / "one"))
    with pytest.raises(MolreError, match="has weights of efficientnet_lite0 other than"):
        embed_on_worker(job, BackboneRequest("efficientnet_lite0"), "0")


def test_what_a_cluster_cannot_do_is_said_at_once(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    shutil.copytree(made / "one", tmp_path / "cohort")
    kept = sorted((tmp_path / "cohort").rglob("embeddings/*/*"))
    assert kept
    with pytest.raises(MolreError, match="no Dask scheduler answers"):
        embed(tmp_path / "cohort", **SMALL, scheduler="tcp://127.0.0.1:9", overwrite=True)
    assert sorted((tmp_path / "cohort").rglob("embeddings/*/*")) == kept  # nothing thrown away
    loaded = load("efficientnet_lite0")
    with pytest.raises(MolreError, match="was given already loaded"):
        embed(tmp_path / "cohort", loaded, scheduler="tcp://127.0.0.1:9")
