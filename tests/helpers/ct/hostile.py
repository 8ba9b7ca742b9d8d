"""Hostile and broken files, each made by name: what a scan folder from outside may hold."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from tests.helpers.ct.archives import member, tar_of
from tests.helpers.ct.dicom_files import UID, cube, enhanced, one_slice, save
from tests.helpers.ct.encode import (
    HTJ2K,
    J2K,
    JPEG_LOSSLESS,
    JPEG_LS,
    htj2k,
    j2k,
    jpeg_lossless,
    save_encoded,
)

MIB = 2**20
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

Maker = Callable[[Path], object]
_numbers = count(1)


def _apart(ds: Dataset) -> Dataset:
    """In a study of its own."""
    study = f"{UID}.9.{next(_numbers)}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, f"{study}.1"
    return ds


def a_slice() -> Dataset:
    """A good one."""
    return _apart(one_slice(cube()[0]))


def several() -> Dataset:
    """A good Enhanced CT."""
    return _apart(enhanced(cube()))


def dicom(path: Path, edit: Callable[[Dataset], object] = lambda ds: None) -> bytes:
    """A good slice with one thing changed; written, and its bytes."""
    ds = a_slice()
    edit(ds)
    save(ds, path)
    return path.read_bytes()


def zeros(size: int) -> bytes:
    """A raw deflate stream of so many zero bytes, made without packing them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * (size // MIB) + b"\x03\0"


def gzipped(first: bytes, size: int) -> bytes:
    """A gzip of some bytes and so many zeros; its checksum is wrong, which only the end shows."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(7) + start + zeros(size) + bytes(8)


def meta(syntax: str, *, with_length: bool = True, extra: bytes = b"") -> bytes:
    """Preamble and meta information, explicit little endian."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    body = extra + b"\x02\0\x10\0UI" + struct.pack("<H", len(uid)) + uid
    size = b"\x02\0\0\0UL\x04\0" + struct.pack("<I", len(body)) if with_length else b""
    return bytes(128) + b"DICM" + size + body


def element(tag: tuple[int, int], vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An explicit element whose length may be a lie."""
    head = struct.pack("<HH", *tag) + vr
    size = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + b"\0\0" + struct.pack("<I", size) + value
    return head + struct.pack("<H", size & 0xFFFF) + value


def _deflate_bomb(path: Path, **how: object) -> None:
    path.write_bytes(meta(DEFLATED, **how) + zeros(1500 * MIB))


def _nested(path: Path, depth: int, undefined: bool) -> None:
    """Sequences in sequences, before everything that a reader wants."""
    item, inner = b"\xfe\xff\x00\xe0", b""
    if undefined:
        open_ = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + item + b"\xff\xff\xff\xff"
        inner = open_ * depth
    else:
        for _ in range(depth):
            inner = element((0x0008, 0x1140), b"SQ", item + struct.pack("<I", len(inner)) + inner)
    path.write_bytes(meta(EXPLICIT) + inner + dicom(path)[300:])


def _set(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda ds: setattr(ds, keyword, value)


def _sides(ds: Dataset) -> None:
    ds.Rows = ds.Columns = 65535


def _large(ds: Dataset) -> None:
    """Within the largest sides, far beyond the file."""
    ds.Rows = ds.Columns = 4096


def _many_frames(path: Path) -> None:
    ds = several()
    ds.NumberOfFrames = 2_000_000_000
    save(ds, path)


def _stream(path: Path, syntax: str, stream: bytes, side: int | None = None) -> None:
    ds = a_slice()
    if side:
        ds.Rows = ds.Columns = side
    save_encoded(ds, path, syntax, [stream])


def _j2k_claims(path: Path, syntax: str, stream: bytes) -> None:
    """The codestream claims 60000 x 60000, the header 12 x 10."""
    huge = struct.pack(">II", 60000, 60000)
    changed = stream[:8] + huge + stream[16:24] + huge + stream[32:]
    _stream(path, syntax, changed)


def _jpeg_claims(path: Path, syntax: str, marker: bytes, stream: bytes) -> None:
    at = stream.index(marker) + 5
    _stream(path, syntax, stream[:at] + struct.pack(">HH", 65000, 65000) + stream[at + 4 :])


def _rle(path: Path, segments: list[bytes], starts: list[int] | None = None) -> None:
    offsets = starts or [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    head = struct.pack("<16I", len(offsets), *offsets, *[0] * (15 - len(offsets)))
    _stream(path, RLE, head + b"".join(segments))


def _offset_table(path: Path, offsets: list[int]) -> None:
    """An Enhanced CT whose offset table points where it likes."""
    ds = several()
    frames = [jpeg_lossless(1)((h.astype(int) + 1024).astype(np.uint16), 16) for h in cube()]
    body = encapsulate(frames, has_bot=False)[8:]
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    _pixels(path, ds, b"\xfe\xff\x00\xe0" + struct.pack("<I", len(table)) + table + body)


def _pixels(path: Path, ds: Dataset, body: bytes) -> None:
    """Items of compressed pixels, as they are given."""
    ds.PixelData = body
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = JPEG_LOSSLESS
    ds.save_as(path, enforce_file_format=True)


def _extended_table(path: Path) -> None:
    ds = several()
    frames = [jpeg_lossless(1)((h.astype(int) + 1024).astype(np.uint16), 16) for h in cube()]
    save_encoded(ds, path, JPEG_LOSSLESS, frames, extended=True)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"\xe0\x7f\x01\x00OV") + 12
    raw[at : at + 40] = struct.pack("<5Q", *[2**40 + i for i in range(5)])
    path.write_bytes(raw)


def _endless(path: Path, vr: bytes) -> None:
    """An element of undefined length without an end."""
    good = dicom(path)
    start = element((0x0009, 0x1001), vr, b"", 0xFFFFFFFF)
    path.write_bytes(meta(EXPLICIT) + start + np.random.default_rng(0).bytes(5000) + good[400:])


def _claims(path: Path, tag: tuple[int, int], vr: bytes) -> None:
    path.write_bytes(meta(EXPLICIT) + element(tag, vr, b"abc", 0xFFFFFFF0))


def _fragment_claims(path: Path) -> None:
    raw = bytearray(dicom(path))
    _stream(path, JPEG_LOSSLESS, jpeg_lossless(1)(np.zeros((12, 10), np.uint16), 16))
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"\xfe\xff\x00\xe0") + 4
    raw[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(raw)


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("a.dcm", bytes(100 * MIB))


def _zip_lies(path: Path) -> None:
    """The directory claims 100 bytes, the member inflates to 100 MiB."""
    _zip_bomb(path)
    raw = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = raw.index(signature) + at
        raw[start : start + 4] = struct.pack("<I", 100)
    path.write_bytes(raw)


def _zip_overlap(path: Path) -> None:
    """Many directory entries for one member, as in the bombs without recursion."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("0", bytes(MIB))
        info = archive.infolist()[0]
        for index in range(1, 500):
            twin = zipfile.ZipInfo(str(index))
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(twin, name, getattr(info, name))
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin


def _tar_bomb(path: Path) -> None:
    info = member("a.dcm")
    info.size = 1500 * MIB
    path.write_bytes(gzipped(info.tobuf(), 1500 * MIB))


def _nifti(path: Path, dims: tuple[int, ...], dtype: int = 4, body: bytes = b"") -> None:
    head = bytearray(352)
    head[0:4] = struct.pack("<i", 348)
    head[40:56] = struct.pack("<8h", len(dims), *dims, *[1] * (7 - len(dims)))
    head[70:74] = struct.pack("<2h", dtype, 16)
    head[76:108] = struct.pack("<8f", 1, 0.5, 0.5, 5, 1, 1, 1, 1)
    head[108:112] = struct.pack("<f", 352)
    head[344:348] = b"n+1\0"
    path.write_bytes(bytes(head) + body)


def _nifti_bomb(path: Path) -> None:
    _nifti(path, (64, 64, 30))
    path.write_bytes(gzipped(path.read_bytes(), 1500 * MIB))


def _nifti_that_is_large_and_empty(path: Path) -> None:
    """30,000 x 30,000 x 600 voxels of zeros, as the header says and gzip would give."""
    _nifti(path, (30000, 30000, 600))
    path.write_bytes(gzip.compress(path.read_bytes() + bytes(MIB)))


def _program(path: Path, magic: bytes) -> None:
    raw = dicom(path)
    path.write_bytes(magic + raw[len(magic) :])


def _evil_names(path: Path) -> None:
    good = dicom(path)
    path.unlink()
    names = ["../../evil.dcm", "/tmp/evil.dcm", "C:\\evil.dcm", "..\\evil.dcm"]
    tar_of(path, [(member(name), good) for name in names])


def _links(path: Path) -> None:
    kinds = [(tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "x"), (tarfile.CHRTYPE, "")]
    tar_of(path, [(member(f"{i}.dcm", k, link), b"") for i, (k, link) in enumerate(kinds)])


IMAGE = (cube()[0].astype(int) + 1024).astype(np.uint16)

FILES: dict[str, Maker] = {
    "empty.dcm": lambda p: p.write_bytes(b""),
    "preamble alone.dcm": lambda p: p.write_bytes(bytes(128) + b"DICM"),
    "half.dcm": lambda p: p.write_bytes(dicom(p)[:-100]),
    "cut in its header.dcm": lambda p: p.write_bytes(dicom(p)[:500]),
    "noise.dcm": lambda p: p.write_bytes(np.random.default_rng(0).bytes(4000)),
    "deflate bomb.dcm": _deflate_bomb,
    "deflate bomb without a length.dcm": lambda p: _deflate_bomb(p, with_length=False),
    "deflate bomb behind a long meta.dcm": lambda p: _deflate_bomb(
        p, extra=element((0x0002, 0x0102), b"OB", bytes(70_000))
    ),
    "deflate garbage.dcm": lambda p: p.write_bytes(meta(DEFLATED) + b"\xff" * 999),
    "65535 x 65535.dcm": lambda p: dicom(p, _sides),
    "4096 x 4096.dcm": lambda p: dicom(p, _large),
    "no rows.dcm": lambda p: dicom(p, _set("Rows", 0)),
    "two billion frames.dcm": _many_frames,
    "frames that are not there.dcm": lambda p: dicom(p, _set("NumberOfFrames", 9000)),
    "negative frames.dcm": lambda p: dicom(p, _set("NumberOfFrames", -1)),
    "large jpeg 2000.dcm": lambda p: _stream(p, J2K, j2k(IMAGE, 12), 4096),
    "jpeg 2000 claims.dcm": lambda p: _j2k_claims(p, J2K, j2k(IMAGE, 12)),
    "htj2k claims.dcm": lambda p: _j2k_claims(p, HTJ2K, htj2k()(IMAGE, 16)),
    "jpeg claims.dcm": lambda p: _jpeg_claims(
        p, JPEG_LOSSLESS, b"\xff\xc3", jpeg_lossless(1)(IMAGE, 12)
    ),
    "jpeg-ls garbage.dcm": lambda p: _stream(p, JPEG_LS, b"\xff\xd8\xff\xf7" + bytes(50)),
    "rle bomb.dcm": lambda p: _rle(p, [b"\x81\x00" * (8 * MIB)] * 2),
    "rle outside.dcm": lambda p: _rle(p, [b"\x81\0", b"\x81\0"], [64, 2**31]),
    "rle of four billion segments.dcm": lambda p: _stream(p, RLE, b"\xff" * 80),
    "rle of no segment.dcm": lambda p: _stream(p, RLE, bytes(64)),
    "offsets outside.dcm": lambda p: _offset_table(p, [0, 2**31, 2**31 + 8, 5, 2**32 - 1]),
    "offsets backwards.dcm": lambda p: _offset_table(p, [0, 300, 200, 100, 50]),
    "too few offsets.dcm": lambda p: _offset_table(p, [0, 100]),
    "extended offsets outside.dcm": _extended_table,
    "no fragments.dcm": lambda p: _pixels(p, a_slice(), b"\xfe\xff\x00\xe0" + bytes(4)),
    "fragment claims.dcm": _fragment_claims,
    "nested.dcm": lambda p: _nested(p, 3000, undefined=False),
    "nested without lengths.dcm": lambda p: _nested(p, 200_000, undefined=True),
    "endless unknown.dcm": lambda p: _endless(p, b"UN"),
    "endless bytes.dcm": lambda p: _endless(p, b"OB"),
    "endless sequence.dcm": lambda p: _endless(p, b"SQ"),
    "private element claims.dcm": lambda p: _claims(p, (0x0009, 0x1001), b"OB"),
    "patient claims.dcm": lambda p: _claims(p, (0x0010, 0x0020), b"UN"),
    "windows program.dcm": lambda p: _program(p, b"MZ\x90\0"),
    "linux program.dcm": lambda p: _program(p, b"\x7fELF"),
    "bomb.zip": _zip_bomb,
    "lies.zip": _zip_lies,
    "overlap.zip": _zip_overlap,
    "bomb.tar.gz": _tar_bomb,
    "names.tar": _evil_names,
    "links.tar": _links,
    "cut.tar.gz": lambda p: p.write_bytes(gzip.compress(bytes(2000) + b"x" * 999)[:-9]),
    "claims.nii": lambda p: _nifti(p, (30000, 30000, 600)),
    "claims little.nii": lambda p: _nifti(p, (512, 512, 400)),
    "negative.nii": lambda p: _nifti(p, (-5, 10, 10), body=bytes(1000)),
    "many axes.nii": lambda p: _nifti(p, (4, 4, 4, 4, 4, 4, 4), body=bytes(1000)),
    "no type.nii": lambda p: _nifti(p, (4, 4, 4), dtype=999, body=bytes(1000)),
    "bomb.nii.gz": _nifti_bomb,
    "large and empty.nii.gz": _nifti_that_is_large_and_empty,
    "cut.nii.gz": lambda p: p.write_bytes(gzip.compress(bytes(348))[:20]),
    "pipe": lambda p: os.mkfifo(p),
    "loop": lambda p: p.symlink_to(p),
    "zeros without end": lambda p: p.symlink_to("/dev/zero"),
    "nowhere.dcm": lambda p: p.symlink_to("/nowhere/at all"),
}


def write_all(folder: Path) -> list[Path]:
    """Every hostile file, in a folder of its own."""
    paths = []
    for name, make in FILES.items():
        path = folder / name.replace(".", " ") / name
        path.parent.mkdir(parents=True)
        make(path)
        paths.append(path)
    return paths
