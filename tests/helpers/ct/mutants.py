"""Small good files of every kind, and ways to damage them; the same seed gives the same mutants."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.helpers.ct.archives import pack
from tests.helpers.ct.dicom_files import (
    cube,
    enhanced,
    one_slice,
    save,
    save_bare,
    set_pixels,
    write_series,
)
from tests.helpers.ct.encode import LOSSLESS, save_encoded

NATIVE = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
}
COMPRESSED = ("jpeg lossless 1", "jpeg lossless 6", "jpeg-ls", "j2k", "htj2k", "htj2k rpcl")
ARCHIVES = ("zip", "tar", "tar.gz")
NIFTI = ("nii", "nii.gz", "nifti2", "nifti qform")
SEEDS = (
    *NATIVE, "no preamble", "deflated", "rle", "signed", *COMPRESSED, "enhanced", "enhanced j2k",
    "enhanced jpeg", *NIFTI, *ARCHIVES,
)  # fmt: skip


@dataclass(frozen=True)
class Seed:
    """A good file.

    Attributes:
        name: of ``SEEDS``.
        data: its bytes.
        joints: places where elements begin or end.
    """

    name: str
    data: bytes
    joints: tuple[int, ...]


def make(name: str, folder: Path) -> Seed:
    """A good file of this kind."""
    path = _MAKERS[name](folder) if name in _MAKERS else _slice(name, folder)
    data = path.read_bytes()
    return Seed(name, data, _joints(data))


def _slice(name: str, folder: Path) -> Path:
    image = (cube()[0].astype(int) + 1024).astype(np.uint16)
    ds, path = one_slice(cube()[0]), folder / "one.dcm"
    if name in NATIVE:
        return save(ds, path, NATIVE[name])
    syntax, encode = LOSSLESS[name]
    ds.BitsStored, ds.HighBit = 12, 11
    return save_encoded(ds, path, syntax, [encode(image, 12)])


def _signed(folder: Path) -> Path:
    ds = one_slice(cube()[0])
    set_pixels(ds, cube()[0])
    ds.RescaleIntercept, ds.PixelPaddingValue = 0, -2000
    return save(ds, folder / "one.dcm")


def _enhanced(name: str, folder: Path) -> Path:
    if not name:
        return save(enhanced(cube(3)), folder / "e.dcm")
    syntax, encode = LOSSLESS[name]
    frames = [encode((hu.astype(int) + 1024).astype(np.uint16), 16) for hu in cube(3)]
    return save_encoded(enhanced(cube(3)), folder / "e.dcm", syntax, frames)


def _nifti(
    folder: Path, suffix: str, kind: type = nibabel.Nifti1Image, qform: bool = False
) -> Path:
    affine = np.diag([-2.0, -2, 5, 1])
    image = kind(np.ascontiguousarray(cube(4).T), affine)
    if qform:
        image.set_qform(affine, 1)
        image.set_sform(None, 0)
    nibabel.save(image, folder / f"x{suffix}")
    return folder / f"x{suffix}"


def _packed(kind: str, folder: Path) -> Path:
    return pack(folder / f"x.{kind}", write_series(folder / "source", cube(3)))


_MAKERS: dict[str, Callable[[Path], Path]] = {
    "no preamble": lambda f: save_bare(one_slice(cube()[0]), f / "one", implicit=True),
    "deflated": lambda f: save(one_slice(cube()[0]), f / "one", DeflatedExplicitVRLittleEndian),
    "rle": lambda f: save(one_slice(cube()[0]), f / "one", RLELossless),
    "signed": _signed,
    "enhanced": lambda f: _enhanced("", f),
    "enhanced j2k": lambda f: _enhanced("j2k", f),
    "enhanced jpeg": lambda f: _enhanced("jpeg lossless 1", f),
    "nii": lambda f: _nifti(f, ".nii"),
    "nii.gz": lambda f: _nifti(f, ".nii.gz"),
    "nifti2": lambda f: _nifti(f, ".nii", nibabel.Nifti2Image),
    "nifti qform": lambda f: _nifti(f, ".nii", qform=True),
    "zip": lambda f: _packed("zip", f),
    "tar": lambda f: _packed("tar", f),
    "tar.gz": lambda f: _packed("tar.gz", f),
}


def _joints(data: bytes) -> tuple[int, ...]:
    """Where the values of DICOM elements begin; for other files every eighth byte."""
    if data[128:132] != b"DICM":
        return tuple(range(0, len(data), 8))
    ds = dcmread(io.BytesIO(data))
    raws = [part.get_item(tag) for part in (ds, ds.file_meta) for tag in list(part.keys())]
    places = {getattr(raw, "value_tell", 0) for raw in raws}
    return tuple(sorted(place for place in places if place and 0 < place < len(data)))


def mutants(
    seed: Seed, number: int, others: list[bytes], run: tuple[int, ...] = ()
) -> Iterator[bytes]:
    """Damaged copies.

    Args:
        seed: a good file.
        number: of mutants.
        others: bytes to splice in.
        run: further numbers, for other mutants.
    """
    random = np.random.default_rng([_number(seed.name), *run])
    for _ in range(number):
        data = bytearray(seed.data)
        for _ in range(int(random.choice([1, 1, 1, 2, 4]))):
            way = _WAYS[int(random.integers(len(_WAYS)))]
            way(data, random, seed, others)
            if not data:
                break
        yield bytes(data)


def _number(name: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(name.encode().ljust(8, b".")[:8], "little")


def _at(data: bytearray, random: np.random.Generator) -> int:
    return int(random.integers(len(data)))


def _flip(data: bytearray, random: np.random.Generator, *_: object) -> None:
    data[_at(data, random)] ^= 1 << int(random.integers(8))


def _byte(data: bytearray, random: np.random.Generator, *_: object) -> None:
    data[_at(data, random)] = int(
        random.choice([0, 1, 0x7F, 0x80, 0xFF, int(random.integers(256))])
    )


def _cut(data: bytearray, random: np.random.Generator, *_: object) -> None:
    del data[_at(data, random) :]


def _delete(data: bytearray, random: np.random.Generator, *_: object) -> None:
    at = _at(data, random)
    del data[at : at + int(random.integers(1, 40))]


def _double(data: bytearray, random: np.random.Generator, *_: object) -> None:
    at = _at(data, random)
    data[at:at] = data[at : at + int(random.integers(1, 60))]


def _splice(data: bytearray, random: np.random.Generator, seed: Seed, others: list[bytes]) -> None:
    other = others[int(random.integers(len(others)))]
    start, size = int(random.integers(len(other))), int(random.integers(1, 200))
    at = _at(data, random)
    data[at : at + (size if random.integers(2) else 0)] = other[start : start + size]


def _length(data: bytearray, random: np.random.Generator, seed: Seed, *_: object) -> None:
    """A length of an element, as far as one lies before its value."""
    at = int(random.choice(seed.joints)) - int(random.choice([2, 4]))
    value = int(random.choice([0, 1, 7, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF]))
    if 0 <= at <= len(data) - 4:
        width = int(random.choice([2, 4]))
        data[at : at + width] = struct.pack("<I", value)[:width]


def _swap(data: bytearray, random: np.random.Generator, seed: Seed, *_: object) -> None:
    """Two neighboring pieces change places."""
    first = int(random.integers(max(1, len(seed.joints) - 2)))
    a, b, c = (*seed.joints[first : first + 3], len(data), len(data))[:3]
    data[a:c] = data[b:c] + data[a:b]


_WAYS = (
    _flip,
    _flip,
    _flip,
    _byte,
    _byte,
    _cut,
    _delete,
    _double,
    _splice,
    _length,
    _length,
    _swap,
)
