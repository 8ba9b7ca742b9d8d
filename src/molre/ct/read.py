"""read: one study's files to a Volume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from molre.ct.geometry import canonical, missing_slices
from molre.ct.header import SliceHeader, read_headers
from molre.ct.pixels import read_hu
from molre.ct.refusal import refuse
from molre.ct.series import SAME_PLACE, along
from molre.ct.sources import Source
from molre.ct.survey import NIFTI, choose, require_studies, survey
from molre.ct.volume import HU_MAX, SliceSource, Volume
from molre.errors import MolreError, RefusedScan

SATURATED = 1e-5  # share of voxels at the top worth a note


def read(path: str | Path, *, missing: str = "warn") -> Volume:
    """Read one study: a DICOM file, a folder or zip of them, or a NIfTI.

    Of several series the best for reading a head is chosen (:mod:`molre.ct.choice`), and the notes
    say why and what was left.

    Args:
        path: the study.
        missing: ``warn`` notes a gap, ``refuse`` raises.

    Raises:
        MolreError: no such path, or several studies.
        RefusedScan: nothing there is axial CT in HU, or the series is damaged.
    """
    found = survey([path])
    studies = require_studies(found, path)
    if len(studies) > 1:
        raise MolreError(
            f"holds {len(studies)} studies", where=path, fix="give one of them, or use molre ingest"
        )
    series, why = choose(studies[0])
    volume = read_series(series.files, missing=missing)
    refused = dict.fromkeys(f"not read: {r.reason}" for r in found.rejects)
    return volume.with_notes(f"series chosen: {why}", *refused)


def read_series(files: Sequence[str], *, missing: str = "warn") -> Volume:
    """Read exactly these files as one series.

    Args:
        files: names as in :class:`molre.ct.sources.Source`: paths, or ``a.zip!member``.
        missing: ``warn`` or ``refuse``, for a gap in the slices.

    Raises:
        RefusedScan: a file is damaged, slices do not stack, or unequal slices share a position.
    """
    if len(files) == 1 and files[0].lower().endswith(NIFTI):
        from molre.ct.nifti import read_nifti

        return read_nifti(Source(files[0]))
    headers = [h for name in files for h in _headers(Source(name))]
    if not headers:
        raise RefusedScan("holds no axial CT slice", where=files[0])
    positions = along(headers) * (1.0 if headers[0].normal[2] >= 0 else -1.0)
    order = np.argsort(positions, kind="stable")
    headers = [headers[i] for i in order]
    pixels, saturated = _pixels(headers)
    headers, kept, notes = _without_duplicates(headers, positions[order], pixels)
    return _assemble(headers, pixels[kept], saturated, notes, missing)


def _headers(source: Source) -> list[SliceHeader]:
    try:
        return [h for h in read_headers(source) if refuse(h) is None]
    except FileNotFoundError:
        raise RefusedScan("is gone", where=source.name, fix="ingest again") from None


def _pixels(headers: list[SliceHeader]) -> tuple[np.ndarray, float]:
    """HU int16 (S, rows, columns) in the headers' order, and the saturated share."""
    out = np.empty((len(headers), headers[0].rows, headers[0].columns), dtype=np.int16)
    wanted: dict[str, list[int]] = {}
    for i, h in enumerate(headers):
        wanted.setdefault(h.file, []).append(i)
    shares = []
    for name, rows in wanted.items():
        hu, share = read_hu(Source(name))
        if hu.shape[1:] != out.shape[1:]:
            raise RefusedScan("its size differs from the series'", where=name)
        for i in rows:
            out[i] = hu[headers[i].frame or 0]
        shares.append(share)
    return out, float(np.mean(shares))


def _without_duplicates(
    headers: list[SliceHeader], positions: np.ndarray, pixels: np.ndarray
) -> tuple[list[SliceHeader], list[int], list[str]]:
    """Drop equal slices and lossy copies at one position; refuse unequal ones."""
    kept: list[int] = []
    equal = lossy = 0
    for i, h in enumerate(headers):
        if not kept or positions[i] - positions[kept[-1]] >= SAME_PLACE:
            kept.append(i)
            continue
        other = kept[-1]
        if np.array_equal(pixels[i], pixels[other]):
            equal += 1
        elif h.lossy != headers[other].lossy:
            lossy += 1
            kept[-1] = other if h.lossy else i
        else:
            raise RefusedScan(
                f"two different slices lie on one position ({positions[i]:.2f} mm)",
                where=h.file,
                fix="remove the one that does not belong to the series",
            )
    notes = [f"{equal} duplicate slices with equal pixels dropped"] if equal else []
    if lossy:
        notes.append(f"{lossy} lossy copies dropped, as their lossless originals are there")
    return [headers[i] for i in kept], kept, notes


def _assemble(
    headers: list[SliceHeader], pixels: np.ndarray, saturated: float, notes: list[str], missing: str
) -> Volume:
    first = headers[0]
    origins = np.array([h.position for h in headers], dtype=float)
    orientation = np.array(first.orientation, dtype=float).reshape(2, 3)
    orientation /= np.linalg.norm(orientation, axis=1, keepdims=True)
    assert first.spacing is not None
    axes, origins, orientation, spacing = canonical(
        origins, orientation, first.spacing, (first.rows, first.columns)
    )
    volume = Volume(
        hu=axes.apply(pixels),
        origins=origins,
        orientation=orientation,
        pixel_spacing=spacing,
        source=tuple(SliceSource(i, h.sop_uid, h.frame) for i, h in enumerate(headers)),
        acquisition=first.acquisition,
        notes=tuple(notes),
    )
    return volume.with_notes(*_notes(volume, headers, saturated, axes.unchanged, missing))


def _notes(
    volume: Volume, headers: list[SliceHeader], saturated: float, unturned: bool, missing: str
) -> list[str]:
    notes = []
    if not unturned:
        notes.append("axes turned to rows Posterior, columns Left, from the slices' orientation")
    if abs(volume.tilt_degrees) > 0.5:
        notes.append(f"gantry tilt of {volume.tilt_degrees:.1f} degrees kept (slices are sheared)")
    if not volume.is_even:
        steps = np.round(volume.steps, 2)
        notes.append(f"uneven slice spacing kept ({steps.min():g} to {steps.max():g} mm)")
    notes += _gaps(volume, headers, missing)
    if any(h.lossy for h in headers):
        notes.append("compressed with loss")
    if "DERIVED" in headers[0].image_type:
        notes.append("a reformatted (derived) series")
    if saturated > SATURATED:
        notes.append(f"{100 * saturated:.2g} % of voxels saturate at {HU_MAX} HU (metal)")
    return notes


def _gaps(volume: Volume, headers: list[SliceHeader], missing: str) -> list[str]:
    thickness = np.array(
        [h.acquisition.slice_thickness or np.nan for h in headers], dtype=float
    )
    gaps = missing_slices(volume.positions, thickness)
    notes = [
        f"a slice is missing between slices {i + 1} and {i + 2} "
        f"({volume.steps[i]:.1f} mm apart, usual {np.median(volume.steps):.1f})"
        for i in gaps
    ]
    if notes and missing == "refuse":
        raise RefusedScan(notes[0], where=headers[gaps[0]].file, fix="export the series again")
    return notes
