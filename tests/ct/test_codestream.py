"""Compressed frames are inspected before they are decoded: whole, and of which size."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from encode import LOSSLESS
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.codestream import DamagedStreamError, inspect

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


@pytest.mark.parametrize("name", LOSSLESS)
def test_what_follows_the_end_is_no_padding(name):
    syntax, stream = _stream(name)
    with pytest.raises(DamagedStreamError, match="behind its end"):
        inspect(stream + b"more", syntax)


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
