"""Reading a gzip at any place gives what gunzip gives."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.files.gzip_stream import GzipStream, Points


@pytest.fixture(scope="module")
def plain():
    random = np.random.default_rng(0)
    return random.integers(0, 8, 3_000_000, np.uint8).tobytes()


@pytest.fixture(scope="module")
def packed(plain, tmp_path_factory):
    """Two gzip members and zeros behind them, as tape padding leaves them."""
    path = tmp_path_factory.mktemp("gzip") / "x.gz"
    half = len(plain) // 2
    path.write_bytes(gzip.compress(plain[:half], 1) + gzip.compress(plain[half:]) + bytes(700))
    return path


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3_000_100), st.integers(0, 70_000)), max_size=8))
def test_any_order_of_places(plain, packed, wanted):
    points = Points(step=100_000)
    with GzipStream(str(packed), points) as stream:
        for place, size in wanted:
            stream.seek(place)
            found = stream.read(size)
            assert found == plain[place : place + len(found)]
            assert bool(found) == (size > 0 and place < len(plain))
    assert all(a.out < b.out for a, b in zip(points.kept, points.kept[1:], strict=False))


def test_places_of_one_stream_serve_the_next(plain, packed):
    points = Points(step=100_000)
    with GzipStream(str(packed), points) as stream:
        assert stream.readall() == plain
    with GzipStream(str(packed), points) as stream:
        stream.seek(2_900_000)
        assert stream.read(10) == plain[2_900_000:2_900_010]


def test_number_of_places_is_bounded(packed):
    points = Points(step=1)
    with GzipStream(str(packed), points) as stream:
        for place in range(0, 3_000_000, 500):
            stream.seek(place)
            stream.read(1)
    assert len(points.kept) <= 1024


@pytest.mark.parametrize("cut", [1, 9, 2000, 100_000])
def test_cut_off(tmp_path, plain, cut):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(plain)[:-cut])
    with GzipStream(str(path)) as stream, pytest.raises(EOFError):
        stream.readall()
