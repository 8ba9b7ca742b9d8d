from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from molre.ct.cache.volume_cache import VolumeCache
from molre.ct.cache.volume_file import pack
from molre.ct.volume import Volume
from tests.helpers.ct.sampled_volumes import head, sampled

FORK = multiprocessing.get_context("fork")


def scan(seed: int = 0) -> Volume:
    """A small head; another seed, another one."""
    steps = [0, 5, 10, 15, 20 + seed % 7]
    made = sampled(head(inside=20 + seed), steps, tilt=seed % 5, pixel_mm=4, noise=5)
    return made.with_notes(f"the head of seed {seed}")


def large() -> Volume:
    """One that takes a moment to write."""
    rng = np.random.default_rng(0)
    whole = sampled(head(), range(24), pixel_mm=1)
    return Volume(
        hu=whole.hu + rng.integers(-99, 99, whole.hu.shape, dtype=np.int16),
        origins=whole.origins,
        orientation=whole.orientation,
        pixel_spacing=whole.pixel_spacing,
        source=whole.source,
    )


@pytest.fixture
def cache(tmp_path: Path) -> VolumeCache:
    return VolumeCache(tmp_path / "volumes")


def files(cache: VolumeCache) -> list[str]:
    return sorted(os.listdir(cache.folder)) if cache.folder.is_dir() else []


def test_what_is_put_is_got(cache: VolumeCache) -> None:
    volume = scan()
    assert volume.content_hash not in cache
    assert cache.get(volume.content_hash) is None
    assert cache.hashes() == []
    cache.put(volume)
    assert volume.content_hash in cache
    assert cache.hashes() == [volume.content_hash]
    got = cache.get(volume.content_hash)
    assert got is not None
    np.testing.assert_array_equal(got.hu, volume.hu)
    np.testing.assert_array_equal(got.origins, volume.origins)
    assert got.notes == volume.notes
    assert got.content_hash == volume.content_hash
    assert files(cache) == [f"{volume.content_hash}.volume"]


def test_an_absent_scan_is_no_news(cache: VolumeCache, capfd: pytest.CaptureFixture[str]) -> None:
    cache.put(scan(1))
    assert cache.get(scan().content_hash) is None
    assert capfd.readouterr().err == ""


def test_flipped_bits_are_said_and_never_read(
    cache: VolumeCache, capfd: pytest.CaptureFixture[str]
) -> None:
    volume = scan()
    cache.put(volume)
    path = cache.path(volume.content_hash)
    data = path.read_bytes()
    rng = random.Random(0)
    for _ in range(20):
        damaged, bit = bytearray(data), rng.randrange(len(data) * 8)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        assert cache.get(volume.content_hash) is None
        said = capfd.readouterr().err.replace("\n", "")
        assert path.name in said
        assert "original files are read instead" in said
    path.write_bytes(data)
    assert cache.get(volume.content_hash) is not None


def test_the_file_of_another_scan_is_not_taken_for_this_one(cache: VolumeCache) -> None:
    one, other = scan(1), scan(2)
    cache.put(one)
    cache.put(other)
    os.replace(cache.path(other.content_hash), cache.path(one.content_hash))
    assert cache.get(one.content_hash) is None
    assert [h for h, _ in cache.damaged()] == [one.content_hash]


def test_all_files_are_verified(cache: VolumeCache) -> None:
    scans = [scan(seed) for seed in range(4)]
    for volume in scans:
        cache.put(volume)
    assert list(cache.damaged()) == []
    hashes = [volume.content_hash for volume in scans]
    cache.path(hashes[0]).write_bytes(b"")
    cut = cache.path(hashes[1])
    cut.write_bytes(cut.read_bytes()[:-1])
    cache.path(hashes[2]).unlink()
    cache.path(hashes[2]).mkdir()
    found = dict(cache.damaged())
    assert set(found) == set(hashes[:3])
    assert all(h in problem for h, problem in found.items())
    assert [h for h in hashes if h in cache] == [hashes[3]]


def _put_for_ever(cache: VolumeCache, scans: list[Volume]) -> None:
    while True:
        for volume in scans:
            cache.put(volume)


def test_kill_leaves_whole_files_or_none(cache: VolumeCache) -> None:
    scans, rng, left_behind = [large(), scan(1), scan(2)], random.Random(1), 0
    hashes = {volume.content_hash for volume in scans}  # before the fork: once
    for round_ in range(500):
        if round_ >= 25 and left_behind:
            break
        child = FORK.Process(target=_put_for_ever, args=(cache, scans))
        child.start()
        while child.is_alive() and not files(cache):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.06))
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        assert list(cache.damaged()) == []
        assert set(cache.hashes()) <= hashes
        left_behind += any(name.endswith(".part") for name in files(cache))
        cache.sweep()
        assert not [name for name in files(cache) if name.endswith(".part")]
    assert left_behind  # else no kill fell into a write, and nothing was tried
    _put_each(cache, scans, 1)
    assert set(cache.hashes()) == hashes
    assert list(cache.damaged()) == []


def _put_each(cache: VolumeCache, scans: list[Volume], rounds: int) -> None:
    for _ in range(rounds):
        for volume in scans:
            cache.put(volume)


def test_two_processes_at_once(cache: VolumeCache) -> None:
    both, one, other = [scan(0), scan(1)], scan(2), scan(3)
    hashes = {v.content_hash for v in (*both, one, other)}
    running = [
        FORK.Process(target=_put_each, args=(cache, [*both, own], 20)) for own in (one, other)
    ]
    for child in running:
        child.start()
    seen = 0
    while any(child.is_alive() for child in running):
        for volume in (*both, one, other):
            got = cache.get(volume.content_hash)  # whole while they write
            if got is not None:
                seen += 1
                assert got.notes == volume.notes
    for child in running:
        child.join()
        assert child.exitcode == 0
    assert seen
    assert set(cache.hashes()) == hashes
    assert list(cache.damaged()) == []
    assert files(cache) == sorted(f"{h}.volume" for h in hashes)


def _put_with_little_room(cache: VolumeCache, volume: Volume, room: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        cache.put(volume)
    except OSError as error:
        os._exit(0 if error.errno == errno.EFBIG else 2)
    os._exit(1)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_full_disk_leaves_what_was_there(cache: VolumeCache, share: float) -> None:
    before, volume = scan(), scan(1)
    cache.put(before)
    there = cache.path(before.content_hash).read_bytes()
    for wanted in (volume, before):  # a new one, and one in place of what is there
        room = int(share * len(pack(wanted)))
        child = FORK.Process(target=_put_with_little_room, args=(cache, wanted, room))
        child.start()
        child.join()
        assert child.exitcode == 0
    assert files(cache) == [f"{before.content_hash}.volume"]
    assert cache.path(before.content_hash).read_bytes() == there


def test_sweeping_touches_nothing_else(cache: VolumeCache) -> None:
    cache.sweep()  # of a folder that is not there
    cache.put(scan())
    (cache.folder / "notes.part").write_text("mine")
    (cache.folder / f".{'0' * 64}.volume.17.abcdef01.part").write_bytes(b"half")
    cache.sweep()
    assert files(cache) == [f"{scan().content_hash}.volume", "notes.part"]
