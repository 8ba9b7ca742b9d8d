"""Survey: what studies and series lie under some paths, from headers alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from molre.ct import choice
from molre.ct.header import SliceHeader, looks_like_dicom, read_headers
from molre.ct.refusal import refuse
from molre.ct.series import Series, describe, group, scored
from molre.ct.sources import Source, walk
from molre.ct.volume import Acquisition
from molre.errors import MolreError, RefusedScan

NIFTI = (".nii", ".nii.gz")
PICTURES = {b"\xff\xd8\xff": "a JPEG picture", b"\x89PNG": "a PNG picture", b"GIF8": "a GIF picture"}


@dataclass(frozen=True)
class Study:
    """One study: its eligible axial CT series.

    ``key`` is the StudyInstanceUID, or ``path:<file>`` for a NIfTI.
    """

    key: str
    patient_id: str | None
    accession: str | None
    folder: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Reject:
    """A file or series that is not read: which, of which study, why, and what to do."""

    file: str
    study: str | None
    reason: str
    remedy: str


@dataclass(frozen=True)
class Survey:
    """What was found."""

    studies: list[Study]
    rejects: list[Reject]


def survey(paths: Iterable[str | Path]) -> Survey:
    """Look through files, folders and zips.

    Every file ends in a series, in ``rejects``, or is a companion (a readme, a DICOMDIR).

    Raises:
        MolreError: a path that does not exist.
    """
    headers: list[SliceHeader] = []
    studies: list[Study] = []
    rejects: list[Reject] = []
    for source in _sources(paths, rejects):
        try:
            if source.name.lower().endswith(NIFTI):
                studies.append(_nifti(source))
            else:
                headers += _dicom(source)
        except RefusedScan as refusal:
            rejects.append(Reject(source.name, None, refusal.what, refusal.fix or ""))
    found, refused = _studies(headers)
    return Survey(sorted([*studies, *found], key=lambda s: s.key), rejects + refused)


def choose(study: Study) -> tuple[Series, str]:
    """The series of a study to read, and why; see :mod:`molre.ct.choice`."""
    return choice.best(study.series)


def _sources(paths: Iterable[str | Path], rejects: list[Reject]) -> Iterator[Source]:
    seen: set[str] = set()
    for path in paths:
        alone = Path(path).is_file()
        try:
            for source in walk(path):
                if source.name in seen or (source.is_companion and not alone):
                    continue
                seen.add(source.name)
                yield source
        except RefusedScan as refusal:
            rejects.append(Reject(str(path), None, refusal.what, refusal.fix or ""))


def _dicom(source: Source) -> list[SliceHeader]:
    try:
        with source.open() as stream:
            start = stream.read(140)
    except OSError as error:
        raise RefusedScan(
            f"cannot be read ({error.strerror})", where=source.name, fix="check its permissions"
        ) from None
    if not start:
        raise RefusedScan("is empty", where=source.name, fix="copy it again from its source")
    if not looks_like_dicom(start):
        for magic, what in PICTURES.items():
            if start.startswith(magic):
                raise RefusedScan(
                    f"{what}, which holds no HU", where=source.name, fix="give the DICOM files"
                )
        raise RefusedScan(
            "is neither DICOM nor NIfTI", where=source.name, fix="give DICOM files or a NIfTI"
        )
    return read_headers(source)


def _nifti(source: Source) -> Study:
    from molre.ct.nifti import describe_nifti

    slices, extent, step = describe_nifti(source)
    acquisition = Acquisition()
    series = Series("", (source.name,), slices, acquisition, extent, step)
    folder = str(Path(source.name).parent)
    key = f"path:{source.name}"
    return Study(key, None, None, folder, (scored(series, *choice.score(series)),))


def _studies(headers: list[SliceHeader]) -> tuple[list[Study], list[Reject]]:
    by_study: dict[str, list[SliceHeader]] = {}
    for h in headers:
        uid = h.acquisition.study_uid or f"path:{Path(h.file).parent}"
        by_study.setdefault(uid, []).append(h)
    studies, rejects = [], []
    for key in sorted(by_study):
        eligible, refused = _series(key, by_study[key])
        rejects += refused
        if eligible:
            first = by_study[key][0]
            folder = str(Path(first.file.split(".zip!")[0]).parent)
            a = first.acquisition
            studies.append(Study(key, a.patient_id, a.accession, folder, eligible))
    return studies, rejects


def _series(key: str, headers: list[SliceHeader]) -> tuple[tuple[Series, ...], list[Reject]]:
    by_series: dict[str, list[SliceHeader]] = {}
    rejects: list[Reject] = []
    for h in headers:
        refusal = refuse(h)
        if refusal is None:
            by_series.setdefault(h.acquisition.series_uid or "", []).append(h)
            continue
        reject = Reject(h.file, key, refusal.reason, refusal.remedy)
        if reject not in rejects[-1:]:  # a multi-frame file says it once
            rejects.append(reject)
    eligible = []
    for uid, slices in sorted(by_series.items()):
        for stack in group(slices):
            series = describe(uid, stack)
            eligible.append(scored(series, *choice.score(series)))
    return tuple(eligible), rejects


def require_studies(found: Survey, where: str | Path) -> list[Study]:
    """The studies, or one sentence why there are none.

    Raises:
        MolreError: none; with the reasons of what was there instead.
    """
    if found.studies:
        return found.studies
    reasons = list(dict.fromkeys(r.reason for r in found.rejects))
    if not reasons:
        raise MolreError("no scan is there", where=where, fix="give DICOM files or a NIfTI")
    more = f" and {len(reasons) - 3} more reasons" if len(reasons) > 3 else ""
    only = len(found.rejects) == 1
    remedy = found.rejects[0].remedy or "give the axial head CT series"
    raise RefusedScan(
        "; ".join(reasons[:3]) + more if only else f"no head CT there: {'; '.join(reasons[:3])}{more}",
        where=found.rejects[0].file if only else where,
        fix=remedy,
    )
