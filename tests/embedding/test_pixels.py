from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from molre.backbones.contract import Contract
from molre.embedding.pixels import slabs, to_pixels
from tests.helpers.embedding.volumes import noise, stack

PLAIN = Contract(size=32, mean=(0, 0, 0), std=(1, 1, 1))


def test_shapes_and_types() -> None:
    pixels, index = to_pixels(noise(5), PLAIN)
    assert pixels.shape == (5, 3, 32, 32)
    assert pixels.dtype == torch.float32
    assert index.tolist() == [0, 1, 2, 3, 4]


def test_windows_map_hu_to_zero_and_one() -> None:
    volume = stack(np.full((1, 32, 32), 40))
    pixels, _ = to_pixels(volume, PLAIN)
    # brain 0..80, blood -20..180, bone -800..2000
    expected = torch.tensor([0.5, 0.3, 0.3])
    assert torch.allclose(pixels[0].mean(dim=(1, 2)), expected, atol=1e-5)


def test_mean_and_std_normalize_the_windowed_image() -> None:
    volume = noise(2)
    plain, _ = to_pixels(volume, PLAIN)
    normal, _ = to_pixels(volume, Contract(size=32))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    assert torch.allclose(normal, (plain - mean) / std, atol=1e-5)


def test_air_surrounds_an_image_that_is_not_square() -> None:
    pixels, _ = to_pixels(stack(np.full((1, 32, 16), 3000)), PLAIN)
    bright = pixels[0, 2] == 1
    assert bright[:, 8:24].all()
    assert not bright[:, :8].any()
    assert not bright[:, 24:].any()


def test_oblong_pixels_keep_true_proportions() -> None:
    # 32 rows of 0.5 mm are as tall as 16 columns of 1 mm are wide: no border
    pixels, _ = to_pixels(stack(np.full((1, 32, 16), 3000), spacing=(0.5, 1.0)), PLAIN)
    assert (pixels[0, 2] == 1).all()


def test_resizing_averages_rather_than_skips() -> None:
    stripes = np.zeros((1, 128, 128))
    stripes[:, :, ::2] = 80
    pixels, _ = to_pixels(stack(stripes), PLAIN)
    assert torch.allclose(pixels[0, 0, 2:-2, 2:-2], torch.tensor(0.5), atol=0.02)


def test_thin_slices_are_averaged_in_hu() -> None:
    hu = np.zeros((8, 32, 32))
    hu[1::2] = 80  # a thin slice of 0 and one of 80: a slab of 40, not of a clipped mean
    hu[4], hu[5] = -960, 1040
    pixels, index = to_pixels(stack(hu, np.arange(8) * 2.5), PLAIN)
    assert index.tolist() == [1, 3, 5, 7]
    assert pixels[:, 0].mean(dim=(1, 2)).tolist() == pytest.approx([0.5] * 4)


def test_the_volume_is_left_alone() -> None:
    volume = noise(3)
    before = volume.hu.copy()
    to_pixels(volume, PLAIN)
    assert (volume.hu == before).all()


@pytest.mark.parametrize(
    ("step", "run"), [(0.625, 8), (1.0, 5), (1.25, 4), (2.5, 2), (3.0, 1), (5.0, 1), (7.0, 1)]
)
def test_even_series_make_even_slabs(step: float, run: int) -> None:
    groups = slabs(np.arange(40) * step, 5.0, 48)
    assert {len(g) for g in groups[:-1]} == {run}


def test_a_missing_slice_is_not_averaged_over() -> None:
    positions = np.delete(np.arange(20) * 1.0, [7, 8, 9, 10, 11, 12])
    for group in slabs(positions, 5.0, 48):
        assert np.ptp(positions[group]) < 5.0


def test_a_doubled_slice_joins_its_neighbor() -> None:
    positions = np.array([0, 4, 8, 9.08, 13, 20, 27])
    assert [g.tolist() for g in slabs(positions, 5.0, 48)] == [[0], [1], [2, 3], [4], [5], [6]]


def test_too_many_slabs_become_thicker_ones() -> None:
    groups = slabs(np.arange(400) * 1.0, 5.0, 48)
    assert 36 <= len(groups) <= 48


@given(
    st.lists(st.floats(0.1, 30), min_size=0, max_size=120),
    st.floats(0.5, 12),
    st.integers(1, 60),
)
def test_slabs_partition_the_slices_in_order(steps: list[float], slab_mm: float, most: int) -> None:
    positions = np.cumsum([0.0, *steps])
    groups = slabs(positions, slab_mm, most)
    assert np.concatenate(groups).tolist() == list(range(len(positions)))
    assert len(groups) <= most
    if len(slabs(positions, slab_mm, len(positions))) <= most:
        assert all(np.ptp(positions[g]) <= slab_mm * 1.01 for g in groups)
