"""NIfTI to Volume: any orientation, and a refusal of what is not in Hounsfield units."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import numpy as np

from molre.ct.entries import Entries
from molre.ct.geometry import reorder
from molre.ct.refusal import MAX_OBLIQUE_DEGREES
from molre.ct.volume import AIR, HU_MAX, HU_MIN, Acquisition, SliceSource, Volume
from molre.errors import RefusedScan

MAX_VOXELS = 2**29
MAX_FILE_BYTES = 4 * 2**30

_NOT_HU = "convert the original DICOM series again without rescaling, or give the DICOM series"


def read_nifti_header(entry: str, entries: Entries) -> int:
    """Number of slices, after all checks that need no voxels.

    Raises:
        RefusedScan: unreadable, not three-dimensional, too large, or unable to hold HU.
    """
    stream, _ = entries.open(entry)
    with stream:
        raw = stream.read(1 << 16)
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(raw, 1 << 12)
        except zlib.error as error:
            raise _damaged(entry, error) from error
    header = _parse_header(raw, entry)
    return _check_header(header, entry)


def read_nifti(entry: str, entries: Entries) -> Volume:
    """Read one NIfTI in HU.

    Raises:
        RefusedScan: unreadable, or its values are not HU.
    """
    data = _inflate(entries.read(entry), entry)
    header = _parse_header(data[:4096], entry)
    _check_header(header, entry)
    voxels = np.asarray(_image(data, entry), dtype=np.float32)
    voxels = voxels.reshape(voxels.shape[:3])
    notes = ["read from NIfTI: age, sex, scanner and contrast are unknown"]
    if not (header["qform_code"] or header["sform_code"]):
        notes.append("its header states no orientation; left and right may be swapped")
    affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    return _canonical(voxels, affine, entry, notes)


def _parse_header(raw: bytes, entry: str) -> Any:
    import nibabel

    kind = nibabel.Nifti2Header if raw[4:8] == b"n+2\0" else nibabel.Nifti1Header
    try:
        return kind.from_fileobj(io.BytesIO(raw))
    except Exception as error:
        raise _damaged(entry, error) from error


def _check_header(header: Any, entry: str) -> int:
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
        raise RefusedScan(f"its voxels are {dtype}, not numbers in HU", where=entry, fix=_NOT_HU)
    slope, intercept = header.get_slope_inter()
    if dtype.itemsize == 1 and 255 * abs(slope or 1.0) < 1000:
        low = (np.iinfo(dtype).min * (slope or 1.0)) + (intercept or 0.0)
        top = (np.iinfo(dtype).max * (slope or 1.0)) + (intercept or 0.0)
        raise RefusedScan(
            f"its 8-bit values ({low:g} to {top:g}) cannot be HU: air and bone do not fit",
            where=entry,
            fix=_NOT_HU,
        )
    affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    axis = int(np.argmax(np.abs(affine[2, :3])))
    return shape[axis]


def _inflate(data: bytes, entry: str) -> bytes:
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            inflated = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(entry, error) from error
    if len(inflated) > MAX_FILE_BYTES:
        raise RefusedScan("it inflates beyond 4 GiB", where=entry, fix="check the file")
    return inflated


def _image(data: bytes, entry: str) -> np.ndarray:
    import nibabel

    kind = nibabel.Nifti2Image if data[4:8] == b"n+2\0" else nibabel.Nifti1Image
    try:
        return np.asanyarray(kind.from_bytes(data).dataobj, dtype=np.float32)
    except Exception as error:
        raise _damaged(entry, error) from error


def _damaged(entry: str, error: Exception) -> RefusedScan:
    return RefusedScan(
        f"it cannot be read as NIfTI ({type(error).__name__}: cut off or damaged)",
        where=entry,
        fix="copy or convert the file again",
    )


def _canonical(voxels: np.ndarray, affine: np.ndarray, entry: str, notes: list[str]) -> Volume:
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
    first = affine[:3, 3].copy()
    first -= orientation[0] * spacing[1] * (voxels.shape[2] - 1) * how.flip_columns
    first -= orientation[1] * spacing[0] * (voxels.shape[1] - 1) * how.flip_rows
    hu = _hounsfield(voxels, entry, notes)
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


def _hounsfield(voxels: np.ndarray, entry: str, notes: list[str]) -> np.ndarray:
    """Check that the values are HU, make the background air, clamp. ``notes`` grows."""
    bad = ~np.isfinite(voxels)
    if bad.any():
        notes.append(f"{int(bad.sum())} voxels were not numbers and became air")
        voxels = np.where(bad, np.float32(AIR), voxels)
    if voxels.min() > -200:
        background = _background(voxels)
        problem = _why_not_hu(voxels, background)
        if problem:
            raise RefusedScan(f"{problem}, so it is not in HU", where=entry, fix=_NOT_HU)
        level = float(voxels[background].flat[0])
        voxels = np.where(background, np.float32(AIR), voxels)
        notes.append(f"the background had the constant value {level:g} and became air")
    saturated = float(np.mean(voxels >= HU_MAX))
    if saturated:
        notes.append(f"{saturated:.2%} of the voxels are saturated (3071 HU or above)")
    return np.rint(np.clip(voxels, HU_MIN, HU_MAX)).astype(np.int16)


def _background(voxels: np.ndarray) -> np.ndarray:
    """Voxels with the border's commonest value that are connected to the border; bool."""
    from scipy import ndimage

    faces = np.concatenate(
        [face.ravel() for a in range(3) for face in (voxels.take(0, a), voxels.take(-1, a))]
    )
    values, counts = np.unique(faces, return_counts=True)
    constant = np.abs(voxels - values[np.argmax(counts)]) < 0.5
    regions, _ = ndimage.label(constant)
    edge = [side.ravel() for a in range(3) for side in (regions.take(0, a), regions.take(-1, a))]
    touching = np.unique(np.concatenate(edge))
    return np.isin(regions, touching[touching > 0])


def _why_not_hu(voxels: np.ndarray, background: np.ndarray) -> str | None:
    """What a head CT without air would need: a constant background, bone, soft tissue near 40."""
    low, high = float(voxels.min()), float(voxels.max())
    scan = voxels[~background]
    if background.mean() < 0.1 or scan.size == 0:
        return f"its values run from {low:g} to {high:g}, without air (-1000)"
    if high < 300:
        return f"its values run from {low:g} to {high:g}, without air and bone"
    inside = scan[(scan > -150) & (scan < 150)].size / scan.size
    middle = float(np.median(_middle(voxels, background)))
    if inside < 0.3 or not -50 <= middle <= 120:
        return f"its middle is at {middle:g} where brain is near 35"
    return None


def _middle(voxels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The central third of the scanned box."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(~background.all(axis=others))
        third = max(1, (used[-1] - used[0] + 1) // 3)
        start = used[0] + (used[-1] - used[0] + 1 - third) // 2
        box.append(slice(int(start), int(start + third)))
    return voxels[tuple(box)]
