"""NIfTI to Volume: any orientation, and a refusal of what is not in Hounsfield units."""

from __future__ import annotations

import contextlib
import gzip
import io
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from molre.ct.entries import Entries
from molre.ct.geometry import reorder
from molre.ct.hu_map import HuMap
from molre.ct.nifti_values import NOT_HU, hounsfield
from molre.ct.refusal import MAX_OBLIQUE_DEGREES
from molre.ct.volume import Acquisition, SliceSource, Volume
from molre.errors import RefusedScan, raise_of_machine

MAX_VOXELS = 2**29
_MAX_TRAILER = 1 << 20  # bytes behind the voxels
_GZIP = b"\x1f\x8b"
_SAME_MM = 0.5  # qform and sform agree


def read_nifti_header(entry: str, entries: Entries, hu_map: HuMap | None = None) -> int:
    """Number of slices, after all checks that need no voxels.

    Args:
        entry: as ``molre.ct.walk`` names it.
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
            raw = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(raw, 1 << 12)
        except zlib.error as error:
            raise _damaged(entry, error) from error
    with _quiet():
        header = _parse_header(raw, entry)
        if not packed and _bytes(header) > size:
            raise _damaged(entry, EOFError())
        return _check_header(header, entry, hu_map)


def read_nifti(entry: str, entries: Entries, hu_map: HuMap | None = None) -> Volume:
    """Read one NIfTI in HU.

    Where sform and qform both state an orientation, the sform counts, as in nibabel.

    Args:
        entry: as ``molre.ct.walk`` names it.
        entries: open.
        hu_map: how its values become HU; by default they are HU.

    Raises:
        RefusedScan: unreadable, its values are not HU, or left and right are not certain.
    """
    notes = ["read from NIfTI: age, sex, scanner and contrast are unknown"]
    with _quiet():
        data = _inflate(entries.read(entry), entry, hu_map)
        header = _parse_header(data[:4096], entry)
        _check_header(header, entry, hu_map)
        voxels = np.asarray(_image(data, entry), dtype=np.float32)
        voxels = voxels.reshape(voxels.shape[:3])
        affine = affine_of(header, entry, notes)
        return _canonical(voxels, affine, entry, notes, hu_map)


def _parse_header(raw: bytes, entry: str) -> Any:
    import nibabel

    kind = nibabel.Nifti2Header if raw[4:8] == b"n+2\0" else nibabel.Nifti1Header
    try:
        header = kind.from_fileobj(io.BytesIO(raw))
        int(header["vox_offset"])  # nan has none
        return header
    except Exception as error:
        raise _damaged(entry, error) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """nibabel logs what it finds wrong to stderr, numpy warns; it is said in a refusal."""
    from nibabel.imageglobals import logger

    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def _check_header(header: Any, entry: str, hu_map: HuMap | None) -> int:
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
    except Exception as error:  # they are inf
        raise _damaged(entry, error) from error
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


def _bytes(header: Any) -> int:
    """Bytes up to the last voxel, as the checked header claims."""
    voxels = int(np.prod([int(n) for n in header.get_data_shape()], dtype=object))
    return max(int(header["vox_offset"]), 0) + voxels * int(header.get_data_dtype().itemsize)


def _inflate(data: bytes, entry: str, hu_map: HuMap | None) -> bytes:
    """Inflate no more than the header claims; the checksum at the end is verified."""
    if data[:2] != _GZIP:
        return data
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            head = stream.read(4096)
            header = _parse_header(head, entry)
            _check_header(header, entry, hu_map)
            limit = _bytes(header) + _MAX_TRAILER
            inflated = head + stream.read(max(limit - len(head), 0) + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(entry, error) from error
    if len(inflated) > limit:
        raise RefusedScan(
            "it inflates to more than its header claims", where=entry, fix="convert it again"
        )
    return inflated


def _image(data: bytes, entry: str) -> np.ndarray:
    import nibabel

    kind = nibabel.Nifti2Image if data[4:8] == b"n+2\0" else nibabel.Nifti1Image
    try:
        return np.asanyarray(kind.from_bytes(data).dataobj, dtype=np.float32)
    except Exception as error:
        raise _damaged(entry, error) from error


def affine_of(header: Any, entry: str, notes: list[str]) -> np.ndarray:
    """Voxel index to mm (R, A, S), float64 (4, 4): the sform, else the qform. ``notes`` grows.

    Raises:
        RefusedScan: one of them mirrors the other, so left and right are not certain.
    """
    try:
        best = np.asarray(header.get_best_affine(), dtype=np.float64)
        if not (header["qform_code"] or header["sform_code"]):
            notes.append("its header states no orientation; left and right may be swapped")
        if not (header["qform_code"] and header["sform_code"]):
            return best
        other = np.asarray(header.get_qform(), dtype=np.float64)
    except Exception as error:  # a quaternion that is none
        raise _damaged(entry, error) from error
    if np.linalg.det(best[:3, :3]) * np.linalg.det(other[:3, :3]) < 0:
        raise RefusedScan(
            "its qform and its sform mirror each other, so left and right are not certain",
            where=entry,
            fix="convert the original DICOM series again",
        )
    ends = np.array([[i, j, k, 1.0] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    ends[:, :3] *= np.array(header.get_data_shape()[:3]) - 1
    apart = float(np.linalg.norm((ends @ (best - other).T)[:, :3], axis=1).max())
    if not apart < _SAME_MM:
        notes.append(f"its qform and sform are up to {apart:.1f} mm apart: the sform was used")
    return best


def _damaged(entry: str, error: Exception) -> RefusedScan:
    raise_of_machine(error)
    return RefusedScan(
        f"it cannot be read as NIfTI ({type(error).__name__}: cut off or damaged)",
        where=entry,
        fix="copy or convert the file again",
    )


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
    if not 0.05 < spacing.min() <= spacing.max() < 5:
        raise RefusedScan(
            f"its pixel spacing of {spacing[0]:g} x {spacing[1]:g} mm is that of no head CT",
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
