"""Compressed frames are inspected before they are decoded: whole, and of which size."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.dicom import rle
from molre.ct.dicom.codestream import DamagedStreamError, inspect
from tests.helpers.ct.encode import LOSSLESS

IMAGE = np.random.default_rng(0).integers(0, 4096, (13, 17)).astype(np.uint16)
BITS = {"jpeg-ls": 16, "jpeg-ls near 0": 16, "htj2k": 16, "htj2k rpcl": 16}


def _stream(name):
    syntax, encode = LOSSLESS[name]
    return syntax, encode(IMAGE, 12)


@pytest.mark.parametrize("name", LOSSLESS)
def test_size_bits_and_sign(name):
    syntax, stream = _stream(name)
    found = inspect(stream, syntax)
    assert (found.rows, found.columns, found.components) == (13, 17, 1)
    assert found.precision == BITS.get(name, 12)
    assert not found.signed
    assert inspect(found.essence, syntax).essence == found.essence


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0"])
def test_padding_behind_the_end_is_no_part_of_it(name, padding):
    syntax, stream = _stream(name)
    assert inspect(stream + padding, syntax).essence == inspect(stream, syntax).essence


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_cut_is_found(name):
    syntax, stream = _stream(name)
    for size in range(len(stream) - 1):
        with pytest.raises(DamagedStreamError):
            inspect(stream[:size], syntax)


TAILS = st.one_of(
    st.sampled_from([b"\xff", b"\0\xff", b"\xff\xd9", b"\xff\xff\xff", b"\xff\xd8\xff\xc3"]),
    st.binary(min_size=1, max_size=300),
)


@settings(max_examples=200)
@given(tail=TAILS, name=st.sampled_from(sorted(LOSSLESS)))
def test_whatever_lies_behind_the_end_is_no_part_of_the_stream(tail, name):
    syntax, stream = _stream(name)
    whole, found = inspect(stream, syntax), inspect(stream + tail, syntax)
    assert found.essence == whole.essence
    assert (found.behind, whole.behind) == (bool(tail.strip(b"\0")), False)


@given(tail=TAILS)
def test_the_last_tile_may_leave_its_length_open(tail):
    """Psot 0: the tile goes up to the end marker, the first behind the tile's own header."""
    syntax, stream = _stream("j2k")
    at = stream.index(b"\xff\x90\0\x0a")
    comment = b"\xff\x64\0\x06\0\0\xff\xd9"  # holds what looks like the end
    open_end = stream[: at + 6] + bytes(4) + stream[at + 10 : at + 12] + comment + stream[at + 12 :]
    assert inspect(open_end + tail, syntax).essence == open_end


@settings(max_examples=50)
@given(tail=TAILS, planes=st.integers(1, 2))
def test_whatever_lies_behind_the_last_row_of_rle_is_no_part_of_it(tail, planes):
    frame = _rle(planes)
    found = rle.inspect(frame + tail, *IMAGE.shape)
    assert found.behind == bool(tail.strip(b"\0\x80"))
    assert found.essence == (frame if found.behind else frame + tail)


def test_rle_that_is_cut_off_or_whose_rows_run_together_has_no_certain_end():
    frame = _rle(1)
    for size in range(len(frame)):
        with pytest.raises(DamagedStreamError):
            rle.inspect(frame[:size], *IMAGE.shape)
    together = frame[:64] + bytes([257 - 128, 7]) + bytes([257 - 93, 7])  # 13 x 17 in two runs
    assert not rle.inspect(together, 13, 17).behind
    with pytest.raises(DamagedStreamError):
        rle.inspect(together + b"more", 13, 17)


def _rle(planes):
    """Each row of each plane is one literal run."""
    packed = b"".join(bytes([16]) + row.astype(np.uint8).tobytes() for row in IMAGE)
    starts = [64 + i * len(packed) for i in range(planes)]
    head = b"".join(n.to_bytes(4, "little") for n in (planes, *starts))
    return head.ljust(64, b"\0") + packed * planes


def test_one_family_is_not_taken_for_another():
    for name in LOSSLESS:
        for other in LOSSLESS:
            ours, theirs = LOSSLESS[name][0], LOSSLESS[other][0]
            families = [name.split()[0].removeprefix("ht"), other.split()[0].removeprefix("ht")]
            if families[0] != families[1]:
                with pytest.raises(DamagedStreamError):
                    inspect(_stream(name)[1], theirs)
            else:
                assert inspect(_stream(name)[1], ours)


@settings(max_examples=300)
@given(st.data(), st.sampled_from(sorted(LOSSLESS)))
def test_any_bytes_are_judged_without_another_error(data, name):
    syntax, stream = _stream(name)
    damaged = bytearray(stream)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DamagedStreamError):
        assert inspect(bytes(damaged), syntax).essence[:2] == stream[:2]


@given(st.binary(max_size=200), st.sampled_from(sorted(LOSSLESS)))
def test_noise_is_no_stream(noise, name):
    with pytest.raises(DamagedStreamError):
        inspect(noise, LOSSLESS[name][0])
