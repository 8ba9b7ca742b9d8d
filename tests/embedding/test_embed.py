from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.read import read_series
from molre.embedding import cache as embedding_cache
from molre.embedding.embed import embed, probe
from molre.embedding.one_series import embed_volume
from molre.errors import MolreError
from molre.phantom.write import write_phantoms
from tests.helpers.embedding.volumes import noise

STUDIES = 5


def tiny(seed: int = 0, scale: float = 1.0) -> Backbone:
    """A convolution as a backbone."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=4), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    for parameter in network.parameters():
        parameter.data *= scale
    return Backbone(
        "tiny",
        network,
        lambda net, pixels: Features(None, net(pixels)),
        dim=8,
        contract=Contract(size=32),
        weights=Weights(id="tiny", sha256=f"{seed}{scale}"),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five phantom studies, ingested; never written to."""
    folder = tmp_path_factory.mktemp("made")
    write_phantoms(folder / "scans", STUDIES, seed=3, max_slices=8, workers=1)
    ingest([folder / "scans"], folder / "cohort", workers=1)
    return folder


@pytest.fixture
def cohort(made: Path, tmp_path: Path) -> Path:
    """A cohort of one's own over the same scans."""
    shutil.copytree(made / "cohort", tmp_path / "cohort")
    return tmp_path / "cohort"


def hashes(cohort: Path) -> list[str]:
    return Cohort(cohort).chosen()["content_hash"].to_list()


def test_every_chosen_series_is_embedded(cohort: Path) -> None:
    cache = embed(cohort, tiny(), workers=1).cache
    assert len(hashes(cohort)) == STUDIES
    for content_hash in hashes(cohort):
        embeddings = cache.get(content_hash)
        assert embeddings.dtype == torch.float16
        assert embeddings.shape == (len(cache.index(content_hash)), 8)
        assert torch.isfinite(embeddings).all()


def test_workers_change_nothing(cohort: Path, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "cohort", tmp_path / "other")
    alone = embed(cohort, tiny(), workers=1).cache
    together = embed(tmp_path / "other", tiny(), workers=2).cache
    for content_hash in hashes(cohort):
        one, two = alone.get(content_hash).float(), together.get(content_hash).float()
        torch.testing.assert_close(one, two, atol=2e-3, rtol=2e-3)
        assert (alone.index(content_hash) == together.index(content_hash)).all()


def test_a_rerun_embeds_nothing_again(cohort: Path) -> None:
    first = embed(cohort, tiny(), workers=1).cache
    before = {p.name: p.stat().st_mtime_ns for p in first.folder.iterdir()}
    again = embed(cohort, tiny(), workers=1).cache
    assert {p.name: p.stat().st_mtime_ns for p in again.folder.iterdir()} == before


@pytest.mark.parametrize("parts", [2, 4, STUDIES + 1])
def test_all_parts_together_are_the_whole(cohort: Path, parts: int) -> None:
    """As a job array counts them, from 1; a part may be empty."""
    done = [embed(cohort, tiny(), workers=1, shard=(i, parts)) for i in range(parts, 0, -1)]
    assert not any(part.failed for part in done)
    again = embed(cohort, tiny(), workers=1, shard=f"1/{parts}").cache
    assert all(content_hash in again for content_hash in hashes(cohort))
    assert len(again) == STUDIES


def test_each_part_embeds_its_share_and_nothing_else(cohort: Path) -> None:
    cache = embed(cohort, tiny(), workers=1, shard="2/2").cache
    assert len(cache) == STUDIES // 2
    with pytest.raises(MolreError, match="the other shards' embeddings"):
        embed(cohort, tiny(), workers=1, shard="1/2", overwrite=True)
    with pytest.raises(MolreError, match="shards are counted from 1"):
        embed(cohort, tiny(), workers=1, shard=(0, 2))
    assert len(embed(cohort, tiny(), workers=1, shard="2/2").cache) == STUDIES // 2


def test_other_weights_or_pixels_have_a_cache_of_their_own(cohort: Path) -> None:
    other = tiny()
    other.contract = Contract(size=32, slab_mm=10)
    folders = {embed(cohort, b, workers=1).cache.folder for b in (tiny(), tiny(1), other)}
    assert len(folders) == 3


def test_overwrite_embeds_again(cohort: Path) -> None:
    first = embed(cohort, tiny(), workers=1).cache
    stamp = {p: p.stat().st_mtime_ns for p in first.folder.glob("*.safetensors")}
    embed(cohort, tiny(), workers=1, overwrite=True)
    assert {p: p.stat().st_mtime_ns for p in first.folder.glob("*.safetensors")} != stamp


def test_a_damaged_shard_is_made_again(cohort: Path) -> None:
    cache = embed(cohort, tiny(), workers=1).cache
    wanted = {h: cache.get(h).clone() for h in hashes(cohort)}
    (shard,) = cache.folder.glob("*.safetensors")
    blob = bytearray(shard.read_bytes())
    blob[-3] ^= 1
    shard.unlink()  # a new file: the old one stays mapped
    shard.write_bytes(blob)
    again = embed(cohort, tiny(), workers=1).cache
    for content_hash, embeddings in wanted.items():
        assert torch.equal(again.get(content_hash), embeddings)


def test_a_vanished_study_is_named_and_the_others_go_on(
    made: Path, cohort: Path, tmp_path: Path
) -> None:
    shutil.copytree(made / "scans", tmp_path / "scans")
    ingest([tmp_path / "scans"], tmp_path / "moved", workers=1)
    gone = Cohort(tmp_path / "moved").chosen().row(2, named=True)
    Path(gone["files"][0]).unlink()
    done = embed(tmp_path / "moved", tiny(), workers=2)
    cache = done.cache
    assert done.exit_code == 1
    assert [study for study, _ in done.failed] == [gone["study"]]
    assert len(cache) == STUDIES - 1
    assert gone["content_hash"] not in cache


@pytest.fixture(scope="module")
def cached(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same scans ingested elsewhere and kept in a volume cache; their files are gone."""
    folder = tmp_path_factory.mktemp("cached")
    shutil.copytree(made / "scans", folder / "scans")
    ingest([folder / "scans"], folder / "cohort", workers=1)
    for files in Cohort(folder / "cohort").chosen()["files"].to_list():
        volumes_of(folder / "cohort").put(read_series(files))
    shutil.rmtree(folder / "scans")
    return folder / "cohort"


@pytest.fixture
def without_files(cached: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    shutil.copytree(cached, tmp_path / "cached")
    return tmp_path / "cached"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_volume_cache_gives_the_same_bits(
    cohort: Path, without_files: Path, workers: int
) -> None:
    done = embed(without_files, tiny(), workers=workers)
    kept, read = done.cache, embed(cohort, tiny(), workers=workers).cache
    assert (done.failed, done.exit_code) == ((), 0)
    assert sorted(hashes(without_files)) == sorted(hashes(cohort))
    for content_hash in hashes(cohort):
        assert torch.equal(kept.get(content_hash), read.get(content_hash))
        assert (kept.index(content_hash) == read.index(content_hash)).all()


def test_a_damaged_volume_without_its_files_fails_alone(without_files: Path) -> None:
    row = Cohort(without_files).chosen().row(1, named=True)
    path = volumes_of(without_files).path(row["content_hash"])
    blob = bytearray(path.read_bytes())
    blob[-3] ^= 1
    path.write_bytes(blob)
    done = embed(without_files, tiny(), workers=1)
    cache = done.cache
    assert [study for study, _ in done.failed] == [row["study"]]
    assert len(cache) == STUDIES - 1
    assert row["content_hash"] not in cache


def test_a_damaged_volume_is_read_from_its_files(cohort: Path) -> None:
    wanted = embed(cohort, tiny(), workers=1).cache
    chosen = Cohort(cohort).chosen()
    for content_hash, files in chosen.select("content_hash", "files").iter_rows():
        volumes_of(cohort).put(read_series(files))
        path = volumes_of(cohort).path(content_hash)
        path.write_bytes(path.read_bytes()[:-1])
    kept = {h: wanted.get(h).clone() for h in hashes(cohort)}
    again = embed(cohort, tiny(), workers=1, overwrite=True).cache
    assert all(torch.equal(again.get(h), kept[h]) for h in kept)
    assert list(volumes_of(cohort).damaged()) == []  # and are whole again


def test_embeddings_that_are_not_finite_are_refused(cohort: Path) -> None:
    done = embed(cohort, tiny(scale=1e6), workers=1)
    assert len(done.cache) == 0
    assert {reason for _, reason in done.failed} == {
        "the backbone's embeddings are not finite numbers"
    }


def test_batches_do_not_mix_slices() -> None:
    volume, backbone = noise(37), tiny()
    together, index = embed_volume(volume, backbone)
    assert together.shape == (37, 8)
    assert index.tolist() == list(range(37))
    part = type(volume)(
        hu=volume.hu[20:21],
        origins=volume.origins[20:21],
        orientation=volume.orientation,
        pixel_spacing=volume.pixel_spacing,
        source=volume.source[20:21],
    )
    alone, _ = embed_volume(part, backbone)
    torch.testing.assert_close(alone[0], together[20], atol=1e-5, rtol=1e-4)


def test_the_probe_is_the_same_every_time() -> None:
    assert torch.equal(probe(tiny()), probe(tiny()))
    assert not torch.equal(probe(tiny()), probe(tiny(1)))


def _embed_slowly(cohort: Path) -> None:
    """In a process of its own: spawned, as polars does not survive a fork."""
    torch.set_num_threads(1)
    embedding_cache.SHARD_SCANS = 1  # a shard a scan, so that there is something to stop between
    backbone = tiny()
    answer = backbone._features
    backbone._features = lambda net, pixels: (time.sleep(0.1), answer(net, pixels))[1]
    embed(cohort, backbone, workers=1)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_goes_on_where_it_stopped(cohort: Path, stop: signal.Signals) -> None:
    running = multiprocessing.get_context("spawn").Process(target=_embed_slowly, args=(cohort,))
    running.start()
    deadline = time.monotonic() + 300
    while not list(cohort.glob("embeddings/*/*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(running.pid, stop)
    running.join(300)
    assert running.exitcode not in (None, 0)
    kept = {p: p.stat().st_mtime_ns for p in cohort.glob("embeddings/*/*.safetensors")}
    assert 0 < len(kept) < STUDIES
    cache = embed(cohort, tiny(), workers=1).cache
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert sorted(h for h in hashes(cohort) if h in cache) == sorted(hashes(cohort))
