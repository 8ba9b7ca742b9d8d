"""to_pixels against the same thing written slowly, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.backbones.contract import Contract
from molre.embedding.pixels import slabs, to_pixels
from tests.helpers.embedding.volumes import noise, stack

CONTRACT = Contract(size=32, windows=((40, 80), (80, 200), (600, 2800)), slab_mm=5)


def triangle(length: int, wanted: int) -> np.ndarray:
    """Weights (wanted, length) of an antialiased linear resize: a triangle as wide as a pixel."""
    scale = length / wanted
    reach = max(scale, 1.0)
    weights = np.zeros((wanted, length))
    for i in range(wanted):
        center = (i + 0.5) * scale
        for j in range(length):
            weights[i, j] = max(0.0, 1 - abs(j + 0.5 - center) / reach)
        weights[i] /= weights[i].sum()
    return weights


def slowly(hu: np.ndarray, spacing: tuple[float, float], contract: Contract) -> np.ndarray:
    """One averaged slice in HU (R, C) to (channels, size, size)."""
    height, width = hu.shape[0] * spacing[0], hu.shape[1] * spacing[1]
    longest = max(height, width)
    rows, columns = (round(contract.size * edge / longest) for edge in (height, width))
    small = triangle(hu.shape[0], rows) @ hu @ triangle(hu.shape[1], columns).T
    square = np.full((contract.size, contract.size), -1024.0)
    top, left = (contract.size - rows) // 2, (contract.size - columns) // 2
    square[top : top + rows, left : left + columns] = small
    channels = []
    for (level, wide), mean, std in zip(contract.windows, contract.mean, contract.std, strict=True):
        gray = np.clip((square - (level - wide / 2)) / wide, 0, 1)
        channels.append((gray - mean) / std)
    return np.stack(channels)


@pytest.mark.parametrize("edges", [(64, 64), (48, 64), (64, 40), (20, 20), (32, 32)])
@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.5, 0.75), (1.0, 0.4)])
def test_equals_the_slow_reference(edges, spacing):
    generator = np.random.default_rng(0)
    hu = generator.integers(-1024, 1500, (4, *edges))
    positions = np.array([0.0, 2.5, 5.0, 10.0])  # two thin slices, then two alone
    pixels, index = to_pixels(stack(hu, positions, spacing), CONTRACT)
    assert index.tolist() == [1, 2, 3]
    for got, slices in zip(pixels.numpy(), (hu[0:2], hu[2:3], hu[3:4]), strict=True):
        wanted = slowly(slices.mean(axis=0), spacing, CONTRACT)
        np.testing.assert_allclose(got, wanted, atol=2e-3)


def test_an_image_does_not_depend_on_the_others():
    volume = noise(6)
    alone = to_pixels(stack(volume.hu[3:4]), CONTRACT)[0]
    assert (to_pixels(volume, CONTRACT)[0][3:4] == alone).all()


STEPS = st.lists(st.floats(0.2, 20), min_size=0, max_size=80)


@given(steps=STEPS, slab_mm=st.floats(1, 12))
@settings(max_examples=200, deadline=None)
def test_slabs_partition_in_order_and_never_span_more_than_asked(steps, slab_mm):
    positions = np.cumsum([0.0, *steps])
    groups = slabs(positions, slab_mm, len(positions))
    assert np.concatenate(groups).tolist() == list(range(len(positions)))
    for group in groups:
        assert positions[group[-1]] - positions[group[0]] <= slab_mm


@given(steps=STEPS, most=st.integers(1, 50))
@settings(max_examples=200, deadline=None)
def test_never_more_slabs_than_allowed(steps, most):
    positions = np.cumsum([0.0, *steps])
    groups = slabs(positions, 5.0, most)
    assert len(groups) <= most
    assert np.concatenate(groups).tolist() == list(range(len(positions)))


PICTURES = Contract(
    size=32, windows=((0, 2048), (40, 350), (40, 80)), resize="image", gray_levels=256
)


@pytest.mark.parametrize("edges", [(64, 64), (48, 64), (20, 20)])
def test_images_of_8_bits_are_windowed_before_they_are_resized(edges):
    """As an exported scan is: windows, rounding, resizing, rounding; slowly, channel by channel."""
    hu = np.random.default_rng(0).integers(-1024, 1500, (2, *edges))
    pixels, _ = to_pixels(stack(hu), PICTURES)
    longest = max(edges)
    rows, columns = (round(32 * edge / longest) for edge in edges)
    top, left = (32 - rows) // 2, (32 - columns) // 2
    for c, (level, width) in enumerate(PICTURES.windows):
        gray = np.rint(255 * np.clip((hu - (level - width / 2)) / width, 0, 1))
        small = [triangle(edges[0], rows) @ g @ triangle(edges[1], columns).T for g in gray]
        square = np.zeros((2, 32, 32))  # air is black in all three
        square[:, top : top + rows, left : left + columns] = np.rint(small)
        wanted = (square / 255 - PICTURES.mean[c]) / PICTURES.std[c]
        # a number that lies half way between two levels may go to either
        assert np.abs(pixels[:, c].numpy() - wanted).max() <= 1.01 / 255 / PICTURES.std[c]
        assert (np.abs(pixels[:, c].numpy() - wanted) < 1e-4).mean() > 0.99


def test_gray_levels_are_that_many():
    contract = Contract(size=32, mean=(0,) * 3, std=(1,) * 3, gray_levels=5)
    assert set(to_pixels(noise(3), contract)[0].unique().tolist()) == {0, 0.25, 0.5, 0.75, 1}


def test_an_images_own_normalization_undoes_any_window_it_does_not_clip():
    values = np.random.default_rng(1).integers(0, 500, (2, 32, 32))
    first, second = (
        to_pixels(stack(values), Contract(size=32, windows=(w,) * 3, normalization="image"))[0]
        for w in ((1000, 4000), (2000, 8000))
    )
    np.testing.assert_allclose(first, second, atol=1e-3)
