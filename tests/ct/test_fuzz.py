"""10,000 damaged files: each is refused in one sentence, or read as what its bytes now say.

A volume that comes out of a damaged file must not be silently wrong:

- It equals what an independent reader (pydicom with imagecodecs, nibabel) makes of the same bytes,
  pixels and positions alike. So no decoder's guess and no partial decoding passes.
- A change within uncompressed pixel data changes those pixels and no other.
- Where the container has a checksum (zip, gzip), every slice equals the original one.

No format but these has a checksum: a flipped bit in pixel data, compressed or not, may give other
pixels, and nothing in the file can tell.
"""

from __future__ import annotations

import faulthandler
import itertools
import signal
import warnings
from collections.abc import Iterator

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.read import read
from molre.ct.volume import Volume
from molre.errors import MolreError
from tests.helpers.ct.dicom_files import cube
from tests.helpers.ct.mutants import ARCHIVES, NATIVE, NIFTI, SEEDS, Seed, make, mutants
from tests.helpers.ct.oracle import dicom_slices, same_slices

MUTANTS = 10_000
SECONDS = 10  # for one mutant; a hang fails


class HangError(KeyboardInterrupt):
    """No reader may catch it."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> dict[str, Seed]:
    return {name: make(name, tmp_path_factory.mktemp("seed")) for name in SEEDS}


@pytest.fixture
def alarm() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, hang)
    faulthandler.dump_traceback_later(300, exit=True)  # C code that never comes back
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def attempt(path, data: bytes) -> Volume | None:
    """The volume, or None where it was refused in a sentence with a remedy."""
    path.write_bytes(data)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # one that escapes would be printed
            return read(path)
    except MolreError as error:
        sound = error.what and error.fix and "Traceback" not in error.message
        if not sound:
            raise AssertionError(f"no sentence: {error.message}") from error
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def check(volume: Volume, name: str, path) -> None:
    """It says nothing that the bytes do not say."""
    assert volume.hu.dtype == np.int16
    assert -1024 <= volume.hu.min() <= volume.hu.max() <= 3071
    assert np.isfinite(volume.origins).all()
    np.testing.assert_allclose(volume.orientation @ volume.orientation.T, np.eye(2), atol=0.2)
    if name in ("zip", "tar.gz"):
        assert all(any(np.array_equal(hu, good) for good in cube(3)) for hu in volume.hu)
    elif name in NIFTI:
        _check_nifti(volume, path)
    elif name not in ARCHIVES:
        same_slices(volume, dicom_slices(path))


def _check_nifti(volume: Volume, path) -> None:
    packed = path.read_bytes()[:2] == b"\x1f\x8b"
    image = nibabel.Nifti1Image if b"n+1\0" in path.read_bytes()[:348] else nibabel.Nifti2Image
    if packed:
        np.testing.assert_array_equal(volume.hu, cube(4))
        return
    nibabel.imageglobals.logger.disabled = True
    data = bytearray(path.read_bytes())
    if image is nibabel.Nifti1Image and not any(data[108:112]):
        data[108:112] = np.float32(352).tobytes()  # nibabel takes the header for voxels
    loaded = image.from_bytes(bytes(data))
    nibabel.imageglobals.logger.disabled = False
    values = np.asanyarray(loaded.dataobj, np.float32).reshape(loaded.shape[:3])
    values = np.rint(np.clip(np.where(np.isfinite(values), values, -1024), -1024, 3071))
    if values.min() <= -200:  # else the background was made air
        assert np.array_equal(np.sort(values.ravel()), np.sort(volume.hu.ravel()))
    corners = np.array(list(itertools.product((0, 1), repeat=3))) * (np.array(values.shape) - 1)
    theirs = nibabel.affines.apply_affine(loaded.affine, corners) * [-1, -1, 1]
    slices, rows, columns = (np.array(volume.hu.shape) - 1).tolist()
    ours = [
        volume.origins[s]
        + r * volume.orientation[1] * volume.pixel_spacing[0]
        + c * volume.orientation[0] * volume.pixel_spacing[1]
        for s, r, c in itertools.product((0, slices), (0, rows), (0, columns))
    ]
    reach = max(1.0, np.abs(theirs).max())
    apart = np.linalg.norm(np.array(ours)[:, None] - theirs[None], axis=2).min(axis=1)
    assert apart.max() < 1e-3 * reach


# of a VR that is not one: the number is read, or its frame is left out
TOLD = (" has VR ", "not used: ")
# values that nothing but a mutant has, and that a note says were read as air or with all bits
MADE_AIR = ("constant value", "are a border of", "is blank", "are blank", "than Bits Stored:")


@pytest.mark.filterwarnings("ignore")  # what nibabel and pydicom say of mutants
@pytest.mark.parametrize("name", SEEDS)
def test_mutants(name, seeds, tmp_path, alarm, capfd):
    others = [seed.data for seed in seeds.values()]
    number = MUTANTS // len(SEEDS) + 1
    path = tmp_path / "mutant"
    volumes = 0
    for index, data in enumerate(mutants(seeds[name], number, others)):
        volume = attempt(path, data)
        if volume is not None:
            volumes += 1
            try:
                check(volume, name, path)
            except NotImplementedError as error:  # a VR that pydicom, and so the oracle, has not
                if not any(words in note for note in volume.notes for words in TOLD):
                    raise AssertionError(f"mutant {index} of {name} has no note") from error
            except Exception as error:
                if not any(words in note for note in volume.notes for words in MADE_AIR):
                    raise AssertionError(f"mutant {index} of {name} is silently wrong") from error
    assert 0 < volumes < number
    assert capfd.readouterr().err == ""


@settings(max_examples=80)
@given(data=st.data(), name=st.sampled_from([*NATIVE, "signed", "enhanced"]))
def test_a_change_in_native_pixels_changes_those_pixels_alone(data, name, seeds, tmp_path_factory):
    seed = seeds[name]
    whole = read_bytes(tmp_path_factory, seed.data)
    count = whole.hu.size * 2
    start = len(seed.data) - count
    changes = data.draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(1, 255)), min_size=1, max_size=5)
    )
    damaged = bytearray(seed.data)
    for at, by in changes:
        damaged[start + at] ^= by
    volume = read_bytes(tmp_path_factory, bytes(damaged))
    changed = {at // 2 for at, _ in changes}
    different = set(np.flatnonzero(volume.hu.ravel() != whole.hu.ravel()).tolist())
    assert different <= changed
    np.testing.assert_array_equal(volume.origins, whole.origins)


def read_bytes(factory, data: bytes) -> Volume:
    path = factory.getbasetemp() / "changed.dcm"
    path.write_bytes(data)
    return read(path)
