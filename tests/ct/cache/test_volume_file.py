from __future__ import annotations

import hashlib
import json
import os
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import blosc2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.cache.volume_file import DamagedVolume, is_whole, pack, read_bytes, unpack
from molre.ct.volume import Acquisition, SliceSource, Volume
from molre.errors import RefusedScan
from tests.helpers.ct.sampled_volumes import head, sampled

START = struct.Struct("<8sIIQ32s")
HEIGHTS = [0.0, 4.9, 9.9, 14.9, 22.4, 27.4]  # mm, uneven
SECRETS = {
    "study_uid": "1.2.840.99.1",
    "series_uid": "1.2.840.99.2",
    "patient_id": "PID-4711",
    "accession": "ACC-0815",
    "study_date": "20240229",
    "description": "HEAD OF DOE",
}


def scan(**acquisition: Any) -> Volume:
    """Six slices of a tilted head, with everything that a scanner says of it."""
    made = sampled(head(), HEIGHTS, tilt=17, pixel_mm=5, noise=6)
    known = {"age": 61.5, "sex": "F", "contrast": False, "manufacturer": "Maker", "kvp": 120.0}
    return Volume(
        hu=made.hu,
        origins=made.origins,
        orientation=made.orientation,
        pixel_spacing=made.pixel_spacing,
        source=tuple(SliceSource(i, f"1.2.840.99.3.{i}", i + 1) for i in range(len(made))),
        acquisition=Acquisition(**{**known, **SECRETS, **acquisition}),
        notes=("a slice is missing", "padding (µ) became air"),
    )


def sealed(data: bytes) -> bytes:
    """The file with the digest that its bytes have: what a forger would write."""
    digest = hashlib.sha256(data[: START.size - 32] + data[START.size :]).digest()
    return data[: START.size - 32] + digest + data[START.size :]


def header_of(data: bytes) -> dict[str, Any]:
    length = START.unpack(data[: START.size])[2]
    return json.loads(data[START.size : START.size + length])


def with_header(data: bytes, header: object) -> bytes:
    """The file with another header, sealed."""
    magic, version, length, pixels, digest = START.unpack(data[: START.size])
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    start = START.pack(magic, version, len(text), pixels, digest)
    return sealed(start + text + data[START.size + length :])


def assert_same(got: Volume, put: Volume) -> None:
    assert got.hu.dtype == np.int16
    np.testing.assert_array_equal(got.hu, put.hu)
    np.testing.assert_array_equal(got.origins, put.origins)
    np.testing.assert_array_equal(got.orientation, put.orientation)
    assert got.pixel_spacing == tuple(put.pixel_spacing)
    assert [(s.index, s.frame) for s in got.source] == [(s.index, s.frame) for s in put.source]
    assert got.notes == put.notes
    assert got.pixel_hash == put.pixel_hash
    assert got.content_hash == put.content_hash


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    slices, rows, columns = (draw(st.integers(1, top)) for top in (5, 40, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "air", "steps"]))
    shape = slices, rows, columns
    hu = {
        "noise": rng.integers(-1024, 3072, shape),
        "air": np.full(shape, -1024),
        "steps": np.cumsum(rng.integers(-3, 4, shape), axis=2),
    }[kind].astype(np.int16)
    if draw(st.booleans()):
        hu = hu[:, ::-1, ::-1]  # a view, as reordered axes are
    across = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    steps = draw(st.lists(st.floats(0.1, 12), min_size=slices, max_size=slices))
    return Volume(
        hu=hu,
        origins=rng.normal(0, 100, 3) + np.outer(np.cumsum(steps), rng.normal(size=3)),
        orientation=across[:2],
        pixel_spacing=(draw(st.floats(0.1, 3)), draw(st.floats(0.1, 3))),
        source=tuple(SliceSource(i, None, draw(st.none() | st.just(i))) for i in range(slices)),
        notes=tuple(draw(st.lists(st.text(), max_size=3))),
    )


@settings(max_examples=150)
@given(volumes())
def test_what_is_packed_comes_back(volume: Volume) -> None:
    assert_same(unpack(pack(volume)), volume)


def test_a_tilted_head_comes_back_smaller() -> None:
    volume = scan()
    data = pack(volume)
    got = unpack(data)
    assert_same(got, volume)
    assert not got.is_even
    assert got.tilt_degrees == volume.tilt_degrees
    assert len(data) < volume.hu.nbytes / 1.5


def test_nothing_in_it_names_a_person() -> None:
    data = pack(scan(age=96.0, model="CT 7", kernel="H31s", slice_thickness=4.8, body_part="HEAD"))
    for secret in (*SECRETS.values(), "1.2.840"):
        assert secret.encode() not in data
    acquisition = unpack(data).acquisition
    assert all(getattr(acquisition, name) is None for name in SECRETS)
    assert acquisition == Acquisition(
        age=90.0, sex="F", contrast=False, manufacturer="Maker", model="CT 7", kernel="H31s",
        kvp=120.0, slice_thickness=4.8, body_part="HEAD",
    )  # fmt: skip
    assert unpack(pack(scan(age=None))).acquisition.age is None
    assert unpack(pack(scan(age=89.0))).acquisition.age == 89.0


@pytest.mark.parametrize("seed", range(4))
def test_every_flipped_bit_is_found(seed: int) -> None:
    data = pack(scan())
    rng = np.random.default_rng(seed)
    for bit in rng.choice(len(data) * 8, 200, replace=False):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(DamagedVolume):
            unpack(bytes(damaged))


def test_every_byte_before_the_pixels_counts() -> None:
    data = pack(scan())
    for place in range(START.size + START.unpack(data[: START.size])[2]):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        with pytest.raises(DamagedVolume):
            unpack(bytes(damaged))


def test_a_file_that_is_cut_off_or_longer_is_found(tmp_path: Path) -> None:
    data, path = pack(scan()), tmp_path / "a.volume"
    for kept in (0, 1, START.size - 1, START.size, START.size + 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:kept])
        assert not is_whole(path)
        with pytest.raises(DamagedVolume):
            read_bytes(path)
    path.write_bytes(data + b"\0")
    assert not is_whole(path)
    path.write_bytes(bytes(len(data)))
    assert not is_whole(path)
    path.write_bytes(data)
    assert is_whole(path)
    assert read_bytes(path) == data


@pytest.mark.parametrize("version", [0, 2])
def test_another_version_is_not_read(tmp_path: Path, version: int) -> None:
    data = bytearray(pack(scan()))
    data[8] = version
    (tmp_path / "a.volume").write_bytes(sealed(bytes(data)))
    assert not is_whole(tmp_path / "a.volume")
    with pytest.raises(DamagedVolume, match=f"format {version}"):
        unpack(sealed(bytes(data)))


def test_a_folder_or_a_pipe_in_its_place_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.volume").mkdir()
    os.mkfifo(tmp_path / "b.volume")  # opening it would wait for a writer
    for name in ("a.volume", "b.volume"):
        assert not is_whole(tmp_path / name)
        with pytest.raises(DamagedVolume):
            read_bytes(tmp_path / name)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [50_000, 1000, 1000]},
        {"shape": [6, 48, 10**9]},
        {"shape": [6, 48, -48]},
        {"shape": [6, 96, 48]},
        {"shape": [6, 48, 47]},
        {"shape": [5, 48, 48]},
        {"shape": [6, 48]},
        {"shape": [6, 48, "48"]},
        {"shape": "abc"},
        {"shape": None},
        {"chunks": []},
        {"chunks": [0] * 6},
        {"chunks": [-(2**40)] * 6},
        {"chunks": [2**80] * 6},
        {"origins": [[0, 0, 0]]},
        {"origins": [[0, 0, "x"]] * 6},
        {"orientation": [[1, 0], [0, 1]]},
        {"pixel_spacing": [1]},
        {"source": [[0, None]]},
        {"source": 3},
        {"acquisition": {}},
        {"acquisition": None},
        {"notes": None},
    ],
)
def test_a_forged_header_allocates_nothing_and_is_refused(change: dict[str, Any]) -> None:
    data = pack(scan())
    forged = with_header(data, header_of(data) | change)
    tracemalloc.start()
    with pytest.raises(DamagedVolume):
        unpack(forged)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_a_header_that_is_no_header_is_refused(text: bytes) -> None:
    with pytest.raises(DamagedVolume):
        unpack(with_header(pack(scan()), text))


def test_a_chunk_that_states_more_than_a_slice_is_not_decoded() -> None:
    data = bytearray(pack(scan()))
    place = START.size + START.unpack(data[: START.size])[2] + 4  # nbytes of the first chunk
    for stated in (0, 2 * 48 * 48 - 2, 2 * 48 * 48 + 2, 2**31 - 1, 2**32 - 1):
        data[place : place + 4] = struct.pack("<I", stated)
        with pytest.raises(DamagedVolume):
            unpack(sealed(bytes(data)))


def test_a_volume_that_could_not_be_read_back_is_not_packed() -> None:
    slices = 9000
    volume = Volume(
        hu=np.broadcast_to(np.int16(0), (slices, 512, 512)),  # takes two bytes
        origins=np.zeros((slices, 3)),
        orientation=np.eye(3)[:2],
        pixel_spacing=(1.0, 1.0),
        source=tuple(SliceSource(i) for i in range(slices)),
    )
    with pytest.raises(RefusedScan, match="too many for the volume cache"):
        pack(volume)


def test_a_bomb_of_air_is_not_unpacked() -> None:
    """A chunk of 32 bytes may stand for a slice of equal voxels: a megabyte for 10 GB."""
    chunk = blosc2.compress2(np.zeros((512, 512), np.int16), typesize=2, nthreads=1)
    slices = 20_000
    header = header_of(pack(scan())) | {
        "shape": [slices, 512, 512],
        "chunks": [len(chunk)] * slices,
        "origins": [[0, 0, 0]] * slices,
        "source": [[0, None]] * slices,
    }
    text, pixels = json.dumps(header).encode(), chunk * slices
    start = START.pack(b"molrevol", 1, len(text), len(pixels), bytes(32))
    bomb = sealed(start + text + pixels)
    assert len(bomb) < 2**20 * 2
    tracemalloc.start()
    with pytest.raises(DamagedVolume):
        unpack(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_a_file_larger_than_any_scan_is_not_read(tmp_path: Path) -> None:
    path, length = tmp_path / "a.volume", 2**35
    start = START.pack(b"molrevol", 1, 2, length, bytes(32))
    with open(path, "wb") as handle:
        handle.write(start)
        handle.truncate(START.size + 2 + length)  # takes no room on the disk
    with pytest.raises(DamagedVolume, match="larger than any scan"):
        read_bytes(path)


def test_forged_pixels_never_pass_for_the_scan() -> None:
    """Mutants whose digest is right: what the decoder makes of them has another content hash."""
    volume = scan()
    data = pack(volume)
    first = START.size + START.unpack(data[: START.size])[2]
    rng = np.random.default_rng(0)
    for _ in range(400):
        mutant = bytearray(data)
        for place in rng.integers(first, len(data), rng.integers(1, 4)):
            mutant[place] = rng.integers(256)
        try:
            got = unpack(sealed(bytes(mutant)))
        except DamagedVolume:
            continue
        same = bool((got.hu == volume.hu).all())
        assert same == (got.content_hash == volume.content_hash)
