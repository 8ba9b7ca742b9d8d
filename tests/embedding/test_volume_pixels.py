"""A known thing in the scanner's room lands on the right voxel, and voxels are the right ones."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from molre.backbones.volume_contract import VolumeContract
from molre.ct.volume import AIR, Volume
from molre.embedding.prepare import to_inputs
from molre.embedding.volume_pixels import WHOLE, prepare, resizing, to_volume_pixels
from tests.helpers.ct.sampled_volumes import EVEN, UNEVEN, scanned

WIDE = ((0, 4000),)  # a window that shows HU as they are
ORIENTATIONS = [
    "".join(letters) for axes in permutations(("SI", "PA", "LR")) for letters in product(*axes)
]
TOWARDS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}


def contract(**given) -> VolumeContract:
    usual = {"windows": WIDE, "mean": (0.0,), "std": (1.0,), "shape": (40, 48, 44)}
    return VolumeContract(**{**usual, "spacing": (2.0, 2.0, 2.0), **given})


def center_of(channel: torch.Tensor) -> np.ndarray:
    """Voxel (d, h, w) in the middle of what is brighter than air."""
    weight = (channel - channel.median()).clamp(min=0.01).sub(0.01).double().numpy()  # no ringing
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in weight.shape], indexing="ij"))
    return (grid * weight).sum((1, 2, 3)) / weight.sum()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_ball_lands_on_its_voxel_in_every_orientation(orientation):
    ball = np.array([-2.0, 9.0, 30.0])
    channels, affine = prepare(scanned(ball, EVEN), contract(orientation=orientation))
    assert affine @ [*center_of(channels[0]), 1] == pytest.approx([*ball, 1], abs=0.3)
    for axis, letter in enumerate(orientation):
        direction, sign = TOWARDS[letter]
        assert affine[direction, axis] == pytest.approx(sign * 2.0)


@pytest.mark.parametrize("heights", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize("tilt", [-18.0, 0.0, 12.0])
@pytest.mark.parametrize("average", [True, False])
def test_a_ball_lands_on_its_voxel_whatever_the_slices(heights, tilt, average):
    ball = np.array([3.0, 4.0, 28.0 + 30 * np.sin(np.radians(tilt))])
    asked = contract(spacing=(2.5, 1.5, 2.0), average=average, shape=(48, 64, 48))
    channels, affine = prepare(scanned(ball, heights, tilt), asked)
    # tilted slices that are 5 mm apart see the ball's poles coarsely
    assert affine @ [*center_of(channels[0]), 1] == pytest.approx([*ball, 1], abs=0.5)


@pytest.mark.parametrize(
    "given",
    [
        {"foreground": -300.0},
        {"square": True, "spacing": None, "resize": (30, 60, 50)},
        {"foreground": -300.0, "resize": (24, 20, 22), "resampling": ("area",) * 3},
        {"resize": (21, 30, 31), "resampling": ("nearest", "linear", "antialias")},
        {"order": 3},
    ],
    ids=["crop", "own-spacing", "crop-and-area", "resize", "cubic"],
)
def test_every_step_says_where_it_moved_the_voxels(given):
    ball = np.array([5.0, 12.0, 41.0])
    channels, affine = prepare(scanned(ball, EVEN), contract(orientation="RAS", **given))
    assert affine @ [*center_of(channels[0]), 1] == pytest.approx([*ball, 1], abs=1.0)


def test_it_is_the_pipeline_that_monai_would_run():
    """FM-HeadCT's published transforms, on a scan whose grid both start in one corner."""
    from monai.data import MetaTensor
    from monai.transforms import CropForeground, Orientation, Resize, ScaleIntensityRange, Spacing

    heights = np.arange(14) * 3.0
    ball = np.array([-3.0, 2.0, 21.0])
    made = scanned(ball, heights, edge=57)
    mm = (0.75, 0.75)  # 56 steps of it are 42 mm
    volume = Volume(made.hu, made.origins, made.orientation, mm, made.source)
    asked = contract(
        shape=(24, 24, 24),
        orientation="RAS",
        spacing=(1.0, 1.0, 1.0),
        order=3,
        average=False,
        foreground=0.0,
        resize=(24, 24, 24),
        resampling=("area", "area", "area"),
        windows=((40, 80), (600, 2800)),
        mean=(0.0, 0.0),
        std=(1.0, 1.0),
    )
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine  # (L, P, S) to (R, A, S)
    image = MetaTensor(torch.from_numpy(volume.hu.astype(np.float32))[None], affine=affine)
    image = Orientation(axcodes="RAS", labels=None)(image)
    image = Spacing(pixdim=(1.0, 1.0, 1.0), mode=3)(image)
    image = CropForeground()(image)
    windows = ((0.0, 80.0), (-800.0, 2000.0))
    shown = [ScaleIntensityRange(low, high, 0.0, 1.0, clip=True)(image) for low, high in windows]
    expected = Resize((24, 24, 24))(torch.cat([s.as_tensor() for s in shown]))
    got = to_volume_pixels(volume, asked)[0]
    assert (got - expected).abs().max() < 2e-3  # half precision is 5e-4 of it


def test_it_is_the_pipeline_that_hlip_publishes():
    volume = scanned(np.array([0.0, 5.0, 38.0]), EVEN, edge=60)
    volume = Volume(
        volume.hu[:, :50], volume.origins, volume.orientation, (1.0, 1.0), volume.source
    )
    asked = contract(
        shape=(12, 28, 28),
        spacing=None,
        square=True,
        resize=(12, 32, 32),
        resampling=("nearest", "linear", "linear"),
        windows=((40, 80),),
        mean=(0.449,),
        std=(0.226,),
    )
    image = torch.from_numpy(np.clip(volume.hu / 80, 0, 1).astype(np.float32))
    image = functional.pad(image, (0, 0, 5, 5))
    image = functional.interpolate(image[None], (32, 32), mode="bilinear")[0]
    image = functional.interpolate(image[None, None], (12, 32, 32), mode="nearest-exact")[0, 0]
    expected = (image[:, 2:30, 2:30] - 0.449) / 0.226
    assert (to_volume_pixels(volume, asked)[0, 0] - expected).abs().max() < 2e-3


@pytest.mark.parametrize(("old", "new"), [(37, 12), (12, 37), (30, 24), (5, 1), (1, 5)])
def test_resizing_an_axis_is_torchs(old, new):
    lines = torch.randn(1, 1, old, 6)
    for how, mode, options in (
        ("linear", "bilinear", {}),
        ("antialias", "bilinear", {"antialias": True}),
        ("area", "area", {}),
        ("nearest", "nearest-exact", {}),
    ):
        expected = functional.interpolate(lines, (new, 6), mode=mode, **options)[0, 0]
        assert torch.allclose(resizing(old, new, how) @ lines[0, 0], expected, atol=1e-6)


@given(
    orientation=st.sampled_from(ORIENTATIONS),
    shape=st.tuples(*[st.integers(1, 40)] * 3),
    foreground=st.sampled_from([None, -300.0, 9000.0]),
    resize=st.sampled_from([None, (9, 7, 11)]),
)
@settings(max_examples=25)
def test_the_shape_is_the_contracts_and_the_values_are_a_windows(
    orientation, shape, foreground, resize
):
    asked = contract(shape=shape, orientation=orientation, foreground=foreground, resize=resize)
    volume = scanned(np.array([0.0, 5.0, 30.0]), UNEVEN, 10.0, edge=40)
    pixels, index = to_inputs(volume, asked)
    assert pixels.shape == (1, 1, *shape)
    assert pixels.dtype == torch.float32
    assert torch.equal(pixels, pixels.half().float())
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert index.tolist() == [WHOLE]


def test_a_lone_slice_is_a_volume_too():
    volume = scanned(np.array([0.0, 5.0, 0.0]), np.zeros(1))
    assert to_volume_pixels(volume, contract()).shape == (1, 1, 40, 48, 44)
    assert to_volume_pixels(volume, contract(spacing=None, resize=(4, 8, 8), shape=(4, 8, 8))).max()


def test_what_is_padded_is_air_as_the_window_shows_it():
    volume = scanned(np.array([0.0, 5.0, 30.0]), EVEN, edge=20)
    asked = contract(windows=((0, 4000), (40, 80)), mean=(0.0, 0.5), std=(1.0, 0.5))
    corner = to_volume_pixels(volume, asked)[0, :, 0, 0, 0]
    assert corner.tolist() == pytest.approx([(AIR + 2000) / 4000, -1.0], abs=1e-3)
