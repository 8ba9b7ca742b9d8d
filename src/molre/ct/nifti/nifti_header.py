"""The header of a NIfTI: where its voxels lie, how many they are, and where they are in space.

A single file begins with 348 bytes of header (540 in NIfTI-2) and four that tell of extensions;
these may have any size (AFNI and FreeSurfer 8 write 40 kB and more) and end where vox_offset says.
A vox_offset of 0 is met in files that other tools wrote in pieces; it can only mean the first byte
behind a header without extensions (nifti1.h: "vox_offset ... must be at least 352").
"""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti_place import affine_of
from molre.ct.nifti.nifti_values import NOT_HU
from molre.errors import RefusedScan, raise_of_machine

MAX_VOXELS = 2**29
HEADER_BYTES = 544  # enough for either kind
_MAX_OFFSET = 2**28  # bytes of header extensions
_AGAIN = "copy or convert the file again"


def parse_header(raw: bytes, entry: str, notes: list[str] | None = None) -> Any:
    """nibabel's header of the first bytes of a single file, its vox_offset made sure.

    Args:
        raw: the first `HEADER_BYTES`, or more; header extensions are not looked at.
        entry: for errors.
        notes: grows by what was mended.

    Raises:
        RefusedScan: no header, or the voxels begin nowhere.
    """
    import nibabel

    kind = nibabel.Nifti2Header if raw[4:8] == b"n+2\0" else nibabel.Nifti1Header
    length = int(kind.template_dtype.itemsize)
    try:
        header = kind.from_fileobj(io.BytesIO(raw[:length] + bytes(4)), check=False)
        header["vox_offset"] = _offset(header, raw[length : length + 4], entry, notes)
        _require_sizes(header, entry)
        header.check_fix()
        return header
    except RefusedScan:
        raise
    except Exception as error:
        raise damaged(entry, error) from error


def _offset(header: Any, extension: bytes, entry: str, notes: list[str] | None) -> int:
    """Byte of the first voxel; 0 means the first one behind a header without extensions."""
    stated, first = float(header["vox_offset"]), int(header.single_vox_offset)
    if stated == 0 and not any(extension[:1]):
        if notes is not None:
            notes.append(f"its header does not say where the voxels begin: read from byte {first}")
        return first
    if not (math.isfinite(stated) and stated == int(stated) and first <= stated <= _MAX_OFFSET):
        raise RefusedScan(
            f"its header says that the voxels begin at byte {stated:g}, where they cannot "
            f"(vox_offset must be {first} or more)",
            where=entry,
            fix="convert the file again",
        )
    return int(stated)


def _require_sizes(header: Any, entry: str) -> None:
    """Where the quaternion alone places the voxels, nibabel takes a size of 0 as 1 mm."""
    sizes = header["pixdim"][1:4]
    if header["sform_code"] == 0 and (not np.isfinite(sizes).all() or (sizes == 0).any()):
        stated = " x ".join(f"{size:g}" for size in sizes)
        raise RefusedScan(
            f"its header states voxels of {stated} mm (pixdim), so their size is not certain",
            where=entry,
            fix="convert the original DICOM series again",
        )


def check_extensions(data: bytes, header: Any, entry: str) -> None:
    """Refuse a file whose voxels would begin within its own header extensions.

    Raises:
        RefusedScan: they would, by the sizes that the extensions state and that of the file.
    """
    start, first = int(header["vox_offset"]), int(header.single_vox_offset)
    if not data[first - 4]:
        return
    at, voxels = first, bytes_of(header) - start
    while at + voxels < len(data):
        size = int.from_bytes(data[at : at + 4], "little" if header.endianness == "<" else "big")
        if size < 16 or size % 16:  # no extension: the flag alone was set
            return
        at += size
        if at == start:
            return
    if at != start and at + voxels == len(data):
        raise RefusedScan(
            f"its header says that the voxels begin at byte {start}, within its extensions, which "
            f"end at byte {at}",
            where=entry,
            fix="convert the file again",
        )


def bytes_of(header: Any) -> int:
    """Bytes up to the last voxel, as the checked header claims."""
    voxels = int(np.prod([int(n) for n in header.get_data_shape()], dtype=object))
    return int(header["vox_offset"]) + voxels * int(header.get_data_dtype().itemsize)


def check_length(header: Any, there: int, entry: str) -> None:
    """Refuse a file that is shorter than its header claims.

    Raises:
        RefusedScan: it is.
    """
    if bytes_of(header) > there:
        raise RefusedScan(
            f"it is cut off or damaged: its header claims {bytes_of(header)} bytes, the voxels "
            f"from byte {int(header['vox_offset'])} on, and there are {there}",
            where=entry,
            fix=_AGAIN,
        )


def check_header(header: Any, entry: str, hu_map: HuMap | None) -> int:
    """Number of slices.

    Raises:
        RefusedScan: not three-dimensional, too large, or unable to hold HU.
    """
    shape = tuple(int(n) for n in header.get_data_shape())
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or min(shape[:3]) < 1:
        raise RefusedScan(
            f"it has the shape {shape}, not that of one 3D scan",
            where=entry,
            fix="give one 3D scan",
        )
    if np.prod(shape, dtype=np.float64) > MAX_VOXELS:
        raise RefusedScan(f"it claims {shape} voxels", where=entry, fix="check the file")
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise RefusedScan(f"its voxels are {dtype}, not numbers in HU", where=entry, fix=NOT_HU)
    try:
        slope, intercept = header.get_slope_inter()
    except Exception as error:  # an infinite slope, an intercept that is no number
        raise_of_machine(error)
        raise RefusedScan(
            f"its scl_slope {header['scl_slope']:g} and scl_inter {header['scl_inter']:g} "
            "yield no values",
            where=entry,
            fix="convert it again",
        ) from error
    if hu_map is None and dtype.itemsize == 1 and 255 * abs(slope or 1.0) < 1000:
        low = (np.iinfo(dtype).min * (slope or 1.0)) + (intercept or 0.0)
        top = (np.iinfo(dtype).max * (slope or 1.0)) + (intercept or 0.0)
        raise RefusedScan(
            f"its 8-bit values ({low:g} to {top:g}) cannot be HU: air and bone do not fit",
            where=entry,
            fix=NOT_HU,
        )
    affine = affine_of(header, entry, [])
    axis = int(np.argmax(np.abs(affine[2, :3])))
    return shape[axis]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """nibabel logs what it finds wrong to stderr, numpy warns; it is said in a refusal."""
    from nibabel.imageglobals import logger

    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def damaged(entry: str, error: Exception) -> RefusedScan:
    """A file that is no NIfTI as far as it goes; a fault of the machine is raised again."""
    raise_of_machine(error)
    return RefusedScan(
        f"it cannot be read as NIfTI ({type(error).__name__}: cut off or damaged)",
        where=entry,
        fix=_AGAIN,
    )
