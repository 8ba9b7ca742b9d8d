"""A volume as one file, in which every damaged bit is found.

    magic 8, format version 4, header length 4, pixels length 8, SHA-256 32 bytes; header; pixels

The header is JSON: geometry, notes and how the scan was made, without anything that names a
person. The pixels are a blosc2 chunk of one block for each slice (zstd level 1, bitshuffle).

blosc2 has no checksum. The SHA-256 is that of all other bytes of the file, and nothing is believed
before it is right: it costs little, as the pixels are compressed there. It cannot see a decoder or
a memory that errs, so whoever knows the content hash compares it with that of the volume.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from molre.ct.volume import Acquisition, SliceSource, Volume, shown_age
from molre.errors import MolreError, RefusedScan

FORMAT_VERSION = 1
MAX_PIXEL_BYTES = 4 * 2**30  # 8,192 slices of 512 x 512
MAX_HEADER_BYTES = 64 * 2**20

_MAGIC = b"molrevol"
_START = struct.Struct("<8sIIQ32s")
_DIGEST_BYTES = 32
_CHUNK_OVERHEAD = 32  # of blosc2
_KEPT = (
    "age", "sex", "contrast", "manufacturer", "model", "kernel", "kvp", "slice_thickness",
    "body_part", "synthetic",
)  # fmt: skip


class DamagedVolume(MolreError):
    """A file that does not hold what was written to it, or is of another format version."""


def pack(volume: Volume) -> bytes:
    """The file of a volume.

    Args:
        volume: of at most MAX_PIXEL_BYTES.

    Raises:
        RefusedScan: the volume is larger.
    """
    import blosc2

    if volume.hu.nbytes > MAX_PIXEL_BYTES:
        gigabytes = volume.hu.nbytes / 2**30
        raise RefusedScan(
            f"{gigabytes:.1f} GiB of pixels are too many for the volume cache",
            fix="do without the cache",
        )
    settings = {
        "codec": blosc2.Codec.ZSTD,
        "clevel": 1,
        "filters": [blosc2.Filter.BITSHUFFLE],
        "typesize": 2,
        "blocksize": volume.hu[0].nbytes,
        "nthreads": 1,
    }
    pixels = np.ascontiguousarray(volume.hu, dtype="<i2")
    chunks = [blosc2.compress2(one, **settings) for one in pixels]
    header = json.dumps(_header(volume, [len(chunk) for chunk in chunks])).encode()
    start = _start(len(header), sum(map(len, chunks)), bytes(_DIGEST_BYTES))
    digest = hashlib.sha256(start[:-_DIGEST_BYTES])
    for part in (header, *chunks):
        digest.update(part)
    return b"".join((start[:-_DIGEST_BYTES], digest.digest(), header, *chunks))


def unpack(data: bytes) -> Volume:
    """The volume of a file; without identifiers, and nobody older than OLDEST.

    Args:
        data: all of the file.

    Raises:
        DamagedVolume: not one byte of it is believed.
    """
    header_bytes, digest = _lengths(data[: _START.size], len(data))
    body = memoryview(data)[_START.size :]
    found = hashlib.sha256(data[: _START.size - _DIGEST_BYTES])
    found.update(body)
    if found.digest() != digest:
        raise DamagedVolume("is damaged")
    try:
        header = json.loads(bytes(body[:header_bytes]))
        hu = _pixels(header["shape"], header["chunks"], body[header_bytes:])
        return _volume(header, hu)
    except (ValueError, TypeError, LookupError, RuntimeError) as error:
        raise DamagedVolume(f"is not as molre writes it ({type(error).__name__})") from None


def read_bytes(path: Path) -> bytes:
    """All of a file, once it is known to be as long as it says.

    Raises:
        FileNotFoundError: nothing there.
        DamagedVolume: it is cut off, no volume, or cannot be read.
    """
    try:
        with _opened(path) as handle:
            _lengths(handle.read(_START.size), os.fstat(handle.fileno()).st_size)
            handle.seek(0)
            return handle.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedVolume(f"cannot be read ({error.strerror})") from None


def is_whole(path: Path) -> bool:
    """Whether there is a file of this version, as long as it says; its bytes are not checked."""
    try:
        with _opened(path) as handle:
            _lengths(handle.read(_START.size), os.fstat(handle.fileno()).st_size)
    except (OSError, DamagedVolume):
        return False
    return True


def _opened(path: Path) -> BinaryIO:
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        raise DamagedVolume("is not a file")
    return open(path, "rb")


def _start(header_bytes: int, pixel_bytes: int, digest: bytes) -> bytes:
    return _START.pack(_MAGIC, FORMAT_VERSION, header_bytes, pixel_bytes, digest)


def _lengths(start: bytes, size: int) -> tuple[int, bytes]:
    """Bytes of the header, and the digest; the lengths are checked against the file's."""
    if len(start) < _START.size:
        raise DamagedVolume("is cut off")
    magic, version, header_bytes, pixel_bytes, digest = _START.unpack(start)
    if magic != _MAGIC:
        raise DamagedVolume("is not a volume")
    if version != FORMAT_VERSION:
        raise DamagedVolume(f"is of format {version}, not {FORMAT_VERSION}")
    if header_bytes > MAX_HEADER_BYTES or pixel_bytes > 2 * MAX_PIXEL_BYTES:
        raise DamagedVolume("is larger than any scan")
    if size != _START.size + header_bytes + pixel_bytes:
        raise DamagedVolume("is not as long as it was written")
    return header_bytes, digest


def _header(volume: Volume, chunks: list[int]) -> dict[str, Any]:
    acquisition = asdict(volume.acquisition)
    return {
        "shape": volume.hu.shape,
        "chunks": chunks,
        "origins": np.asarray(volume.origins, np.float64).tolist(),
        "orientation": np.asarray(volume.orientation, np.float64).tolist(),
        "pixel_spacing": [float(mm) for mm in volume.pixel_spacing],
        "source": [[s.index, s.frame] for s in volume.source],
        "acquisition": {name: acquisition[name] for name in _KEPT}
        | {"age": shown_age(acquisition["age"])},
        "notes": volume.notes,
    }


def _pixels(shape: list[int], chunks: list[int], packed: memoryview) -> np.ndarray:
    """Int16 (S, R, C); all sizes are checked before anything is allocated.

    blosc2 believes the size that a chunk states, and writes as much.
    """
    import blosc2

    slices, rows, columns = shape
    if min(slices, rows, columns) < 1 or 2 * slices * rows * columns > MAX_PIXEL_BYTES:
        raise ValueError("impossible shape")
    ends = list(itertools.accumulate(chunks))
    if len(chunks) != slices or min(chunks) <= _CHUNK_OVERHEAD - 1 or ends[-1] != len(packed):
        raise ValueError("chunks do not fill the file")
    parts = [packed[end - size : end] for end, size in zip(ends, chunks, strict=True)]
    for part in parts:
        stated, compressed, _ = blosc2.get_cbuffer_sizes(part)
        if stated != 2 * rows * columns or compressed != len(part):
            raise ValueError("a chunk of another size")
    hu = np.empty((slices, rows, columns), "<i2")
    for i, part in enumerate(parts):
        blosc2.decompress2(part, dst=hu[i], nthreads=1)
    return hu.astype(np.int16, copy=False)


def _volume(header: dict[str, Any], hu: np.ndarray) -> Volume:
    row_mm, column_mm = header["pixel_spacing"]
    return Volume(
        hu=hu,
        origins=np.array(header["origins"], np.float64),
        orientation=np.array(header["orientation"], np.float64),
        pixel_spacing=(row_mm, column_mm),
        source=tuple(SliceSource(index, None, frame) for index, frame in header["source"]),
        acquisition=Acquisition(**{name: header["acquisition"][name] for name in _KEPT}),
        notes=tuple(header["notes"]),
    )
