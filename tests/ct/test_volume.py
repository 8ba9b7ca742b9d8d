"""Volume: what its hashes tell apart, and states that it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.volume import Acquisition, SliceSource, Volume


def _volume(**changes: object) -> Volume:
    noise = np.random.default_rng(0)
    volume = Volume(
        hu=noise.integers(-1000, 1000, (4, 6, 5)).astype(np.int16),
        origins=np.array([[-20.0, -30.0, 5.0 * i] for i in range(4)]),
        orientation=np.eye(3)[:2],
        pixel_spacing=(0.5, 0.5),
        source=tuple(SliceSource(i) for i in range(4)),
    )
    return replace(volume, **changes)


def _moved(along: tuple[float, float, float]) -> np.ndarray:
    return _volume().origins + np.arange(4)[:, None] * np.array(along)


@pytest.mark.parametrize(
    "changes",
    [
        {"hu": np.zeros((4, 6, 5), np.int16)},
        {"pixel_spacing": (0.5, 0.6)},
        {"origins": _moved((0, 0, 0.1))},
        {"origins": _moved((0, 1.5, 0))},  # a tilted gantry: slices as far apart, but sheared
        {"origins": _moved((-1.5, 0, 0))},
    ],
    ids=["pixels", "spacing", "step", "shear", "shear sideways"],
)
def test_content_hash_tells_scans_apart(changes):
    assert _volume(**changes).content_hash != _volume().content_hash


@given(
    shift=st.tuples(*[st.floats(-500, 500)] * 3),
    noise=st.floats(-0.001, 0.001),
    notes=st.lists(st.text(), max_size=2),
)
def test_content_hash_is_the_same_wherever_the_table_stood(shift, noise, notes):
    moved = _volume(
        origins=np.round(_volume().origins + np.array(shift) + noise, 9), notes=tuple(notes)
    )
    assert moved.content_hash == _volume().content_hash
    assert moved.pixel_hash == _volume().pixel_hash


def test_voxels_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        _volume().hu[0, 0, 0] = 7


@pytest.mark.parametrize(
    "changes",
    [
        {"hu": np.zeros((4, 6, 5), np.float32)},
        {"hu": np.zeros((6, 5), np.int16)},
        {"origins": np.zeros((3, 3))},
        {"orientation": np.eye(3)},
        {"source": ()},
    ],
)
def test_states_that_no_scan_can_be_in_are_refused(changes):
    with pytest.raises(ValueError, match="must"):
        _volume(**changes)


def test_what_is_printed_says_shape_and_notes_and_neither_person_nor_voxels():
    acquisition = Acquisition("1.2.3", "1.2.3.4", "DOE-1", "ACC-1", "20200131", description="DOE")
    seen = repr(_volume(acquisition=acquisition, notes=("tilt kept",)))
    for secret in ("DOE", "ACC-1", "1.2.3", "20200131", "array"):
        assert secret not in seen
    assert "voxels" in seen
    assert "tilt kept" in seen
