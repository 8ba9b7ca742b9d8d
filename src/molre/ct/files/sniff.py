"""What a file is, by its first bytes; names and extensions are not trusted."""

from __future__ import annotations

import gzip
import io
import zlib

HEAD_BYTES = 4096
ARCHIVES = ("zip", "tar")
PACKED = ("a bzip2 file", "an xz file")  # which may hold a tar
NUMPY, OFFICE = "a NumPy archive", "an Office document"
GZIPPED_DICOM = "a gzipped DICOM file"
_OFFICE_PARTS = ("[content_types].xml", "mimetype", "_rels/", "docprops/", "word/", "xl/", "ppt/")
_MOST_METADATA = 100 << 20  # bytes before the tensors of a safetensors file

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x1f\x8b", "a gzip file that holds no NIfTI or tar"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"NRRD", "an NRRD file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet table"),
    (b"molrevol", "a cached volume"),
    (b"\0\5\x16\7", "an AppleDouble file"),  # what macOS writes beside x as ._x
    (b"\0\0\0\1Bud1", "a folder's settings"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),  # Thumbs.db too
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
)
_VRS = set(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OW PN SH SL SQ SS ST TM UI UL UN US UT".split()
)


def kind(head: bytes) -> str:
    """``"dicom"``, ``"nifti"``, ``"zip"``, ``"tar"`` (gzipped or not), or words for anything else.

    Args:
        head: the first 4096 bytes, fewer where the file is shorter.
    """
    if not head:
        return "an empty file"
    if head[128:132] == b"DICM" or _bare_dicom(head):
        return "dicom"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    inner = _inflated(head) if head[:2] == b"\x1f\x8b" else head
    nifti = _nifti(inner)
    if nifti or is_tar(inner):
        return nifti or "tar"
    if head[:2] == b"\x1f\x8b" and (inner[128:132] == b"DICM" or _bare_dicom(inner)):
        return GZIPPED_DICOM
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") <= _MOST_METADATA:
        return "a file of weights"
    return "a text file" if _is_text(head) else "neither DICOM nor NIfTI"


def zip_kind(head: bytes) -> str | None:
    """What a zip is that is a document of its own, by the name of its first member."""
    if head[:4] != b"PK\x03\x04":
        return None
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")].decode("latin-1").lower()
    if first.endswith(".npy"):
        return NUMPY
    return OFFICE if first.startswith(_OFFICE_PARTS) else None


def _bare_dicom(head: bytes) -> bool:
    """DICOM without preamble: the first element is of group 0002 or 0008 and has a sane length."""
    if len(head) < 16:
        return False
    if head[:2] in (b"\x02\0", b"\x08\0"):
        element, length = head[2:4], int.from_bytes(head[4:8], "little")
    elif head[:2] in (b"\0\x02", b"\0\x08"):
        element, length = head[3:1:-1], int.from_bytes(head[4:8], "big")
    else:
        return False
    if head[4:6] in _VRS:
        return True
    return int.from_bytes(element, "little") <= 0x0020 and length <= 128


def _nifti(head: bytes) -> str | None:
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return "nifti"
    if head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0":
        return "half of a NIfTI pair (.hdr and .img)"
    return None


def is_tar(head: bytes) -> bool:
    """Any tar, old ones without a magic too: by the checksum of its first header."""
    block, stated = head[:512], head[148:156].strip(b" \0")
    if len(block) < 512 or not head[0] or not stated or stated.strip(b"01234567"):
        return False
    return sum(block) - sum(block[148:156]) + 8 * 32 == int(stated, 8)


def _inflated(head: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(head)) as stream:
            return stream.read(512)
    except (OSError, EOFError, zlib.error):
        pass
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(head, 512)
    except zlib.error:
        return b""


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # cut inside the last character
    return True
