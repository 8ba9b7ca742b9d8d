"""Read one head CT: choose the series of a study, decode it, put it in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from molre.ct.checks.blank import blank_slices
from molre.ct.checks.border import constant_border
from molre.ct.checks.hu_check import UNCHECKED, check_hu
from molre.ct.checks.slice_scale import off_scale
from molre.ct.choice import score
from molre.ct.dicom.header import Header
from molre.ct.dicom.headers import Headers
from molre.ct.dicom.pixels import Slice, stored_values, to_hu
from molre.ct.dicom.refusal import refusal
from molre.ct.dicom.remarks import Remarks
from molre.ct.files.entries import Entries
from molre.ct.files.sniff import HEAD_BYTES, kind
from molre.ct.geometry import find_gaps, first_voxel, reorder
from molre.ct.grouping.member import Member
from molre.ct.grouping.stack import Stack
from molre.ct.nifti.hu_map import HuMap
from molre.ct.nifti.nifti import read_nifti
from molre.ct.series import grouped
from molre.ct.survey import Series, Survey, choose, nothing_found, survey
from molre.ct.volume import AIR, HU_MAX, SliceSource, Volume
from molre.errors import MolreError, RefusedScan

Missing = Literal["warn", "refuse"]
MUST_HAVE_HU = -300  # some voxel of a series lies below
_MAX_RESCALES = 8  # ways of rescaling in a series that are judged one by one
OBLIQUE_DEGREES = 5.0  # from here on it is noted; beyond 30 a slice is refused


def read(path: str | Path, *, missing: Missing = "warn", hu_map: str | None = None) -> Volume:
    """Read the best series of one study.

    Args:
        path: a DICOM file, a folder or an archive of one study, or a NIfTI in HU.
        missing: note missing slices, or refuse the series.
        hu_map: how the values of a NIfTI that is not in HU become HU: ``cormack``, ``h2c`` or
            ``SCALE:INTERCEPT``, see :mod:`molre.ct.nifti.hu_map`.

    Returns:
        The volume in HU, as acquired; its notes say what was chosen, refused and repaired.

    Raises:
        MolreError: no such path, nothing readable, or more than one study.
        RefusedScan: what is there is not a readable head CT series.

    Examples:
        >>> import molre
        >>> volume = molre.read("phantoms/study_00000")
        >>> len(volume), volume.acquisition.synthetic
        (8, True)
    """
    found = survey(path, hu_map=HuMap.parse(hu_map) if hu_map else None)
    if not found.studies:
        refused = [reject for reject in found.rejects if reject.dicom]
        kind = RefusedScan if refused else MolreError
        raise nothing_found(refused or found.rejects, str(path), kind)
    if len(found.studies) > 1:
        raise MolreError(
            f"{len(found.studies)} studies are here, but read takes one",
            where=path,
            fix="give the folder of one study, or use molre ingest for all of them",
        )
    series, why = choose(found.studies[0])
    volume = read_found(series, missing=missing)
    notes = _refused(found)
    if len(found.studies[0].series) > 1:
        notes.insert(0, f"series chosen: {why}")
    return volume.with_notes(*notes)


def read_found(series: Series, *, missing: Missing = "warn") -> Volume:
    """Read a series of a survey; its headers are not read again.

    Args:
        series: as ``survey`` or ``look`` gives it.
        missing: note missing slices, or refuse the series.

    Raises:
        RefusedScan: as ``read_series``.
    """
    if series.stack is None:
        return read_series(series.files, missing=missing, hu_map=series.hu_map)
    with Entries() as entries:
        return _assemble(series.stack, entries, missing)


def read_series(
    files: Sequence[str], *, missing: Missing = "warn", hu_map: HuMap | None = None
) -> Volume:
    """Read exactly these files as one series.

    Args:
        files: entries as ``survey`` gives them: ``"/a/b.dcm"``, ``"/a/c.zip!b.dcm"``, a NIfTI.
        missing: note missing slices, or refuse the series.
        hu_map: how the values of a NIfTI become HU; by default they are HU.

    Raises:
        RefusedScan: a file is damaged or no slice of a head CT, the files are of more than one
            series, or two different slices claim one position.
    """
    if not files:
        raise MolreError("no files were given", fix="give the files of one series")
    with Entries() as entries:
        stream, _ = entries.open(files[0])
        with stream:
            first = kind(stream.read(HEAD_BYTES))
        if first == "nifti":
            if len(files) > 1:
                raise MolreError("a NIfTI is one file", where=files[1], fix="give one NIfTI")
            return read_nifti(files[0], entries, hu_map)
        reader = Headers()
        headers = [_header(file, entries, reader) for file in files]
        return _assemble(_one_stack(headers), entries, missing)


def _refused(found: Survey) -> list[str]:
    """One note for each reason that other files were refused for, naming the first file."""
    by_reason: dict[str, list[str]] = {}
    for reject in found.rejects:
        by_reason.setdefault(reject.reason, []).append(reject.file)
    return [
        f"not used: {Path(names[0]).name}"
        + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        + f": {reason}"
        for reason, names in by_reason.items()
    ]


def _header(file: str, entries: Entries, reader: Headers) -> Header:
    stream, size = entries.open(file)
    with stream:
        header = reader.read(stream, file, size)
    refused = refusal(header)
    if refused:
        raise RefusedScan(refused[0], where=file, fix=refused[1])
    return header


def _one_stack(headers: list[Header]) -> Stack:
    sorted_out = grouped(headers)
    if sorted_out.refused:
        file, (what, fix) = sorted_out.refused[0]
        raise RefusedScan(what, where=file, fix=fix)
    found = sorted_out.stacks
    if len({stack.files for stack in found}) > 1:
        raise RefusedScan(
            f"{len(headers)} files are of {len(found)} different series, orientations or passes",
            where=found[1].files[0],
            fix="give the files of one series",
        )
    return min(found, key=lambda stack: -score(stack)[0])  # several only in a multi-frame file


def _assemble(stack: Stack, entries: Entries, missing: Missing) -> Volume:
    notes = list(stack.notes)
    groups = [_drop_lossy(group) for group in stack.slices()]
    lossy = len(stack.members) - sum(len(group) for group in groups)
    if lossy:
        copies = "copies of slices that are" if lossy > 1 else "copy of a slice that is"
        notes.append(f"dropped: {lossy} lossy {copies} also there lossless")
    decoder = _Decoder(entries)
    members = [group[0] for group in groups]
    header = members[0].header
    stored = np.empty((len(groups), header.rows, header.columns), dtype=np.int16)
    slices = [decoder.slice(group, out) for group, out in zip(groups, stored, strict=True)]
    _require_air(slices, header.file)
    notes += _require_hu(slices, members)
    if decoder.duplicates:
        count = decoder.duplicates
        notes.append(f"dropped: {count} duplicate slice{'s' * (count > 1)} with equal pixels")
    notes += decoder.remarks.notes()
    notes += [*_border_notes(stored), *blank_slices(stored)]
    how, orientation = reorder(members[0].orientation)
    hu = np.ascontiguousarray(how.pixels(stored))
    spacing = members[0].plane.spacing or (1.0, 1.0)
    between = (spacing[1], spacing[0]) if how.transpose else (spacing[0], spacing[1])
    shape = (hu.shape[1], hu.shape[2])
    origins = np.stack([first_voxel(m.position, between, shape, how, orientation) for m in members])
    volume = Volume(
        hu=hu,
        origins=origins,
        orientation=orientation,
        pixel_spacing=between,
        source=tuple(
            SliceSource(i, m.header.sop_uid, m.plane.frame) for i, m in enumerate(members)
        ),
        acquisition=stack.acquisition,
    )
    notes += [*_pixel_notes(slices, hu.size), *_header_notes(members), *_geometry_notes(volume)]
    notes += _gap_notes(volume, members, missing)
    return volume.with_notes(*notes)


def _drop_lossy(group: list[Member]) -> list[Member]:
    """Of a slice that is there lossless and lossy, only the lossless; else all."""
    lossless = [member for member in group if not member.header.lossy]
    return lossless or group


class _Decoder:
    """Decodes members; keeps the file that was decoded last, for the frames of an Enhanced CT."""

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.duplicates = 0
        self.remarks = Remarks()
        self._file = ""
        self._stored = np.empty(0)

    def slice(self, group: list[Member], out: np.ndarray) -> Slice:
        """Decode one slice to ``out``; the same slice again must have the same pixels."""
        first = self._decode(group[0], out)
        for other in group[1:]:
            again = np.empty_like(out)
            self._decode(other, again)
            if not np.array_equal(again, out):
                both = sorted([group[0].named, other.named])
                raise RefusedScan(  # the reason stands where no file may be named
                    "two slices are at one position but differ in their pixels",
                    where=other.header.file,
                    fix=f"keep the files of one reconstruction and one pass; these are "
                    f"{' and '.join(both)}",
                )
            self.duplicates += 1
        return first

    def _decode(self, member: Member, out: np.ndarray) -> Slice:
        header = member.header
        if header.file != self._file:
            self._stored = stored_values(header, self.entries, self.remarks, self._stored)
            self._file = header.file
        return to_hu(self._stored[member.plane.frame or 0], member.plane, header.padding, out)


def _require_air(slices: list[Slice], file: str) -> None:
    """Around every head there is air; a series without any was not stored in HU."""
    lowest = min(one.lowest for one in slices)
    if lowest > MUST_HAVE_HU:
        raise RefusedScan(
            f"its values begin at {lowest} and hold no air (-1000), so they are not in HU",
            where=file,
            fix="export it with Rescale Slope and Intercept (0028,1053), (0028,1052)",
        )


def _require_hu(slices: list[Slice], members: list[Member]) -> list[str]:
    """Refuse values that are not HU; a note where that cannot be told.

    Slices with a rescale of their own are judged by themselves, too, if there are few such groups.
    """
    groups: dict[tuple[float | None, float | None], list[np.ndarray]] = {}
    for one, member in zip(slices, members, strict=True):
        groups.setdefault((member.plane.slope, member.plane.intercept), []).append(one.sample)
    parts = list(groups.values()) if 1 < len(groups) <= _MAX_RESCALES else []
    whole = [one.sample for one in slices]
    verdicts = [check_hu(np.concatenate(part)) for part in (whole, *parts)]
    problem = next((verdict.problem for verdict in verdicts if verdict.problem), None)
    if problem:
        raise RefusedScan(
            f"{problem}, so it is not in HU",
            where=members[0].header.file,
            fix="export it with Rescale Slope and Intercept (0028,1053), (0028,1052)",
        )
    odd = off_scale(whole)
    if odd:
        raise RefusedScan(
            f"slice {odd[0] + 1} of {len(slices)} is not in HU as the others are: {odd[1]}",
            where=members[odd[0]].header.file,
            fix="export the series again, or give it without that slice",
        )
    return [] if verdicts[0].checked else [UNCHECKED]


def _border_notes(hu: np.ndarray) -> list[str]:
    """A constant border becomes air in place."""
    found = constant_border(hu)
    if not found:
        return []
    hu[found[1]] = AIR
    return [f"{np.mean(found[1]):.1%} of the pixels are a border of {found[0]:g} HU: now air"]


def _pixel_notes(slices: list[Slice], total: int) -> list[str]:
    padded = sum(one.padded for one in slices)
    saturated = sum(one.saturated for one in slices)
    notes = []
    if padded:
        notes.append(f"{padded / total:.1%} of the pixels were padding or below -1024 HU: now air")
    if saturated:
        notes.append(
            f"{saturated / total:.3%} of the pixels are saturated (at {HU_MAX} HU or above)"
        )
    return notes


def _header_notes(members: list[Member]) -> list[str]:
    headers = [member.header for member in members]
    kinds = members[0].plane.marks.image_type
    checks = (
        ("DERIVED" in kinds, "a derived series (ImageType DERIVED)"),
        ("SECONDARY" in kinds, "ImageType is SECONDARY"),
        (any(h.lossy for h in headers), "lossy compression: fine detail may be lost"),
        (
            headers[0].photometric == "MONOCHROME1",
            "MONOCHROME1: displayed inverted, but the HU are not",
        ),
        (members[0].plane.intercept is None, "no rescale intercept: stored values taken as HU"),
        (len({m.plane.slope for m in members}) > 1, "the rescale slope differs between slices"),
        (any(member.contrast for member in members), "contrast was given"),
    )
    repaired = dict.fromkeys(words for header in headers for words in header.repaired)
    doubts = headers[0].acquisition.doubts
    return [*repaired, *(words for true, words in checks if true), *doubts]


def _geometry_notes(volume: Volume) -> list[str]:
    notes = []
    if volume.tilt_degrees > 0.5:
        notes.append(f"gantry tilt of {volume.tilt_degrees:.1f} degrees: the slices are sheared")
    else:
        oblique = float(np.degrees(np.arccos(min(1.0, float(volume.normal[2])))))
        if oblique > OBLIQUE_DEGREES:
            notes.append(f"oblique: the slices are {oblique:.0f} degrees off axial")
    if not volume.is_even:
        low, high = volume.steps.min(), volume.steps.max()
        notes.append(f"uneven slice steps, {low:.2f} to {high:.2f} mm")
    return notes


def _gap_notes(volume: Volume, members: list[Member], policy: Missing) -> list[str]:
    thickness = np.array([m.plane.thickness or np.nan for m in members], dtype=np.float64)
    notes = [
        f"{gap.missing} slice{'s' * (gap.missing > 1)} missing between slice {gap.below + 1} and "
        f"{gap.below + 2} of {len(members)}: a step of {gap.step_mm:.2f} mm"
        for gap in find_gaps(volume.positions, thickness)
    ]
    if notes and policy == "refuse":
        where = members[0].header.file
        raise RefusedScan("; ".join(notes), where=where, fix="export the whole series again")
    return notes
