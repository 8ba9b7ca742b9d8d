"""NIfTI to Volume: any orientation, and a refusal of what is not in Hounsfield units."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np

from molre.ct.dicom.refusal import MAX_OBLIQUE_DEGREES
from molre.ct.files.entries import Entries
from molre.ct.geometry import reorder
from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti_header import (
    HEADER_BYTES,
    bytes_of,
    check_extensions,
    check_header,
    check_length,
    damaged,
    parse_header,
    quiet,
)
from molre.ct.nifti.nifti_place import affine_of
from molre.ct.nifti.nifti_values import hounsfield
from molre.ct.volume import Acquisition, SliceSource, Volume
from molre.errors import RefusedScan

_MAX_TRAILER = 1 << 20  # bytes behind the voxels
_GZIP = b"\x1f\x8b"
_PIXEL_MM = (0.05, 5.0)
_UNITS = {1: "meters", 2: "mm", 3: "micrometers"}  # xyzt_units, the part of space
_IN_MM = {"meters": 1000.0, "micrometers": 0.001}


def read_nifti_header(entry: str, entries: Entries, hu_map: HuMap | None = None) -> int:
    """Number of slices, after all checks that need no voxels.

    Args:
        entry: as ``molre.ct.files.walk`` names it.
        entries: open.
        hu_map: how its values become HU; by default they are HU.

    Raises:
        RefusedScan: unreadable, not three-dimensional, too large, or unable to hold HU.
    """
    stream, size = entries.open(entry)
    with stream:
        raw = stream.read(1 << 16)
    packed = raw[:2] == _GZIP
    if packed:
        try:
            raw = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(raw, HEADER_BYTES)
        except zlib.error as error:
            raise damaged(entry, error) from error
    with quiet():
        header = parse_header(raw, entry)
        slices = check_header(header, entry, hu_map)
        if not packed:
            check_length(header, size, entry)
        return slices


def read_nifti(entry: str, entries: Entries, hu_map: HuMap | None = None) -> Volume:
    """Read one NIfTI in HU.

    Where sform and qform both state an orientation, the sform counts, as in nibabel.

    Args:
        entry: as ``molre.ct.files.walk`` names it.
        entries: open.
        hu_map: how its values become HU; by default they are HU.

    Raises:
        RefusedScan: unreadable, its values are not HU, or left and right are not certain.
    """
    notes = ["read from NIfTI: age, sex, scanner and contrast are unknown"]
    with quiet():
        data = _inflate(entries.read(entry), entry, hu_map, notes)
        header = parse_header(data[:HEADER_BYTES], entry, notes)
        check_header(header, entry, hu_map)
        check_length(header, len(data), entry)
        check_extensions(data, header, entry)
        notes += _more_slices(header, len(data))
        voxels = _voxels(data, header, entry)
        affine = affine_of(header, entry, notes)
        _check_unit(affine, int(header["xyzt_units"]) & 7, entry, notes)
        return _canonical(voxels, affine, entry, notes, hu_map)


def _more_slices(header: Any, there: int) -> list[str]:
    """A note where whole slices lie behind those that the header claims."""
    shape, behind = header.get_data_shape(), there - bytes_of(header)
    size = int(np.prod(shape[:2], dtype=object)) * int(header.get_data_dtype().itemsize)
    if behind < size:
        return []
    return [
        f"{behind} bytes lie behind its {shape[2]} slices, as many as {behind // size} more would "
        "take: ignored"
    ]


def _voxels(data: bytes, header: Any, entry: str) -> np.ndarray:
    """Scaled values, float32, three axes."""
    from nibabel.arrayproxy import ArrayProxy

    slope, intercept = header.get_slope_inter()
    shape, offset = header.get_data_shape(), int(header["vox_offset"])
    kind = header.get_data_dtype()
    scaling = (1.0 if slope is None else slope, 0.0 if slope is None else intercept)
    try:
        proxy = ArrayProxy(io.BytesIO(data), (shape, kind, offset, *scaling))
        return np.asarray(proxy, dtype=np.float32).reshape(shape[:3])
    except Exception as error:
        raise damaged(entry, error) from error


def _check_unit(affine: np.ndarray, code: int, entry: str, notes: list[str]) -> None:
    """Refuse voxels that have a head's size in another unit only; ``notes`` grows.

    The unit of a header (xyzt_units) is often wrong, so the sizes decide; where they are those of a
    head in mm, they are taken as mm whatever the header says.
    """
    lengths = np.sort(np.linalg.norm(affine[:3, :3], axis=0))
    if not np.isfinite(lengths).all() or lengths[0] == 0:
        return  # said with the orientation
    said = _UNITS.get(code, "no unit")
    if _PIXEL_MM[0] < lengths[0] < _PIXEL_MM[1]:
        if said in _IN_MM:
            notes.append(f"its header says {said}, but its voxels have the size of a head's in mm")
        return
    for unit, factor in _IN_MM.items():
        if _PIXEL_MM[0] < lengths[0] * factor < _PIXEL_MM[1]:
            sizes = " x ".join(f"{length:.3g}" for length in lengths)
            raise RefusedScan(
                f"its voxels of {sizes} are those of a head in {unit}, not in mm (its header "
                f"says {said})",
                where=entry,
                fix="convert it again, in mm",
            )


def _inflate(data: bytes, entry: str, hu_map: HuMap | None, notes: list[str]) -> bytes:
    """Inflate no more than the header claims; the checksum at the end is verified.

    What lies behind the last gzip member is not part of it and is ignored; ``notes`` grows.
    """
    if data[:2] != _GZIP:
        return data
    try:
        head = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, HEADER_BYTES)
        header = parse_header(head, entry)
        check_header(header, entry, hu_map)
        limit = bytes_of(header) + _MAX_TRAILER
        inflated, behind = _members(data, limit)
    except (EOFError, zlib.error) as error:
        raise damaged(entry, error) from error
    if len(inflated) > limit:
        raise RefusedScan(
            "it inflates to more than its header claims", where=entry, fix="convert it again"
        )
    if behind.strip(b"\0"):
        notes.append(f"{len(behind)} bytes behind the end of its gzip stream: ignored")
    return inflated


def _members(data: bytes, limit: int) -> tuple[bytes, bytes]:
    """What gzip members inflate to, up to one byte more than ``limit``, and what lies behind."""
    parts: list[bytes] = []
    room = limit + 1
    while room and data[:2] == _GZIP:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        parts.append(member.decompress(data, room))
        room -= len(parts[-1])
        if room and not member.eof:
            raise EOFError
        data = member.unused_data
    return b"".join(parts), data


def _canonical(
    voxels: np.ndarray, affine: np.ndarray, entry: str, notes: list[str], hu_map: HuMap | None
) -> Volume:
    """Reorder to slices towards Superior, rows towards Posterior, columns towards Left."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # NIfTI is (R, A, S), DICOM (L, P, S)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() < 0.01:
        raise RefusedScan("its orientation is not usable", where=entry, fix="convert it again")
    axis = int(np.argmax(np.abs(affine[2, :3]) / lengths))
    column, row = (a for a in range(3) if a != axis)
    voxels = voxels.transpose(axis, row, column)
    affine = affine[:, [axis, row, column, 3]]
    if affine[2, 0] < 0:
        voxels = voxels[::-1]
        affine[:3, 3] += affine[:3, 0] * (len(voxels) - 1)
        affine[:3, 0] *= -1
    how, orientation = reorder(
        np.stack([affine[:3, 2], affine[:3, 1]]) / lengths[[column, row], None]
    )
    _check_directions(orientation, entry)
    voxels = how.pixels(voxels)
    spacing = lengths[[column, row]] if how.transpose else lengths[[row, column]]
    if not _PIXEL_MM[0] < spacing.min() <= spacing.max() < _PIXEL_MM[1]:
        raise RefusedScan(
            f"its pixel spacing of {spacing[0]:g} x {spacing[1]:g} mm fits no head CT",
            where=entry,
            fix="convert it again, in mm",
        )
    first = affine[:3, 3].copy()
    first -= orientation[0] * spacing[1] * (voxels.shape[2] - 1) * how.flip_columns
    first -= orientation[1] * spacing[0] * (voxels.shape[1] - 1) * how.flip_rows
    hu = hounsfield(voxels, entry, notes, hu_map)
    return Volume(
        hu=hu,
        origins=first + np.arange(len(hu))[:, None] * affine[:3, 0],
        orientation=orientation,
        pixel_spacing=(float(spacing[0]), float(spacing[1])),
        source=tuple(SliceSource(index) for index in range(len(hu))),
        acquisition=Acquisition(),
        notes=tuple(notes),
    )


def _check_directions(orientation: np.ndarray, entry: str) -> None:
    if abs(float(orientation[0] @ orientation[1])) > 0.02:
        raise RefusedScan("its slices are sheared in plane", where=entry, fix="convert it again")
    normal = np.cross(orientation[0], orientation[1])
    degrees = float(np.degrees(np.arccos(min(1.0, abs(normal[2])))))
    if degrees > MAX_OBLIQUE_DEGREES:
        raise RefusedScan(
            f"its slices are {degrees:.0f} degrees off axial",
            where=entry,
            fix="give the axial series",
        )
