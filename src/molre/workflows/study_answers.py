"""One answer for every study that ``predict`` was given, refused ones too.

A file that is not a scan at all (an image, a PDF, a text beside the slices) is a row of
rejects.csv and loses nothing, as in ``molre ingest``. A file that belongs to no study because its
header cannot be read stands with the others of its folder or archive; a NIfTI is a study by itself,
and so is an archive or folder that nobody can look inside, as it may hold one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import molre
from molre.ct.files.entries import outer
from molre.ct.listing import Reject
from molre.ct.survey import Study, Survey
from molre.ct.volume import study_folder_name
from molre.errors import MolreError
from molre.model.answer import Answer
from molre.model.prediction import Prediction
from molre.pipeline import Reader

_NIFTI = (".nii", ".nii.gz", ".hdr", ".img", ".img.gz")


def files_of(study: Study) -> list[str]:
    """All files of its series."""
    return [file for series in study.series for file in series.files]


def place_of(study: Study) -> str:
    """The one file of a study, or the folder that holds its files, on disk or in an archive."""
    return _common(set(files_of(study)))


def refused_study(reader: Reader, study: Study, error: MolreError, paths: Sequence[str]) -> Answer:
    """The answer for a study whose headers could be read, and whose pixels could not."""
    row = Reject(place_of(study), study.key, error.what, error.fix or "")
    prediction = _refusal(reader, study.key, [error.what], files_of(study))
    return answer_of(study, prediction, paths, (row,))


def answer_of(
    study: Study, prediction: Prediction, paths: Sequence[str], rejects: tuple[Reject, ...] = ()
) -> Answer:
    """A prediction, joined to the study that it is of and the paths it was found under."""
    return Answer(
        prediction,
        study.key,
        inputs_of(files_of(study), paths),
        place_of(study),
        study.patient_id,
        study.accession,
        rejects,
    )


def refused_files(reader: Reader, found: Survey, paths: Sequence[str]) -> list[Answer]:
    """An answer for each study that holds no series of a head CT, or that nobody can look at."""
    read = {study.key for study in found.studies}
    groups: dict[str, list[Reject]] = {}
    for reject in found.rejects:
        if (reject.dicom or reject.closed) and reject.study not in read:
            groups.setdefault(_key(reject), []).append(reject)
    return [_answer(reader, key, rejects, paths) for key, rejects in groups.items()]


def no_scans(rejects: Iterable[Reject], out: Path) -> list[Reject]:
    """Files that are not scans; they stand in rejects.csv and lose nothing. OUT's own are none."""
    own = _within(os.path.abspath(out))
    return [r for r in rejects if not (r.dicom or r.closed or r.file.startswith(own))]


def inputs_of(entries: Iterable[str], paths: Sequence[str]) -> tuple[int, ...]:
    """Numbers, from 1, of the given paths that hold one of these files."""
    known = list(entries)
    roots = [os.path.abspath(os.path.expanduser(path)) for path in paths]
    return tuple(n for n, root in enumerate(roots, 1) if any(_holds(root, e) for e in known))


def _holds(root: str, entry: str) -> bool:
    """Whether a path is the entry, its folder or its archive; a folder may be called ``a!1``."""
    in_archive = entry.startswith(f"{root}!") and not os.path.isdir(root)
    return entry == root or entry.startswith(_within(root)) or in_archive


def _within(root: str) -> str:
    return root if root.endswith("/") else f"{root}/"


def _key(reject: Reject) -> str:
    if reject.study is not None:
        return reject.study
    if reject.sealed or reject.file.lower().endswith(_NIFTI):
        return f"path:{reject.file}"
    place = outer(reject.file)
    return f"path:{os.path.dirname(place) if place == reject.file else place}"


def _answer(reader: Reader, key: str, rejects: list[Reject], paths: Sequence[str]) -> Answer:
    entries = [reject.file for reject in rejects]
    place = _common(set(entries))
    reasons = list(dict.fromkeys(reject.reason for reject in rejects))
    prediction = _refusal(reader, key, reasons, entries)
    return Answer(prediction, key, inputs_of(entries, paths), place, rejects=tuple(rejects))


def _common(entries: set[str]) -> str:
    if len(entries) == 1:
        return next(iter(entries))
    on_disk = {outer(entry) for entry in entries}
    if len(on_disk) > 1 or on_disk & entries:
        return os.path.commonpath([os.path.dirname(file) for file in on_disk])
    (archive,) = on_disk
    inside = {os.path.dirname(entry[len(archive) + 1 :]) for entry in entries}
    folder = "" if "" in inside else os.path.commonpath(inside)
    return f"{archive}!{folder}" if folder else archive


def _refusal(reader: Reader, key: str, reasons: list[str], entries: list[str]) -> Prediction:
    return Prediction(
        molre_version=molre.__version__,
        status="refused",
        reasons=[printable(reason) for reason in reasons],
        study=study_folder_name(key),
        model=reader.model_used(),
        synthetic=reader.model.description.synthetic,
        files=sorted({printable(os.path.basename(entry)) for entry in entries}),
    )


def printable(text: str) -> str:
    """The text with bytes of a name that are not UTF-8 written as ``\\xNN``."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
