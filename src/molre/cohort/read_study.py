"""One study, in a worker process: judge its series, read the best, check it, draw its strip."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from molre import files
from molre.cohort import contact_strip as sheet
from molre.cohort import keys
from molre.cohort.patient_identity import of_whom
from molre.cohort.rejects import Rejected
from molre.ct.best_series import after
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.checks.head import check_head
from molre.ct.checks.quality import flags
from molre.ct.checks.skull import inside_skull
from molre.ct.files.entries import outer
from molre.ct.listing import StudyFiles
from molre.ct.nifti.hu_map import HuMap
from molre.ct.patients import same, study_uid
from molre.ct.read import read_found
from molre.ct.survey import Series, Study, choose, look
from molre.ct.volume import Acquisition, Volume, shown_age
from molre.errors import RefusedScan

HEADER = ("manufacturer", "model", "kernel", "kvp", "slice_thickness", "sex", "contrast")


@dataclass(frozen=True)
class IngestSettings:
    """How studies are read, the same for all of a run.

    Attributes:
        out: cohort folder, absolute.
        salt: the cohort's.
        missing_slices: note a gap in the slices, or refuse the series.
        cache: keep the chosen series in COHORT/volumes.
        hu_map: how the values of a NIfTI become HU; by default they are HU.
    """

    out: Path
    salt: bytes
    missing_slices: Literal["warn", "refuse"] = "warn"
    cache: bool = False
    hu_map: HuMap | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a study.

    Attributes:
        rows: of scans.parquet; none where its series could not be read.
        rejects: files that are in no series, and the series that could not be read.
        failed: why the series could not be read.
        more: another series is left to try.
    """

    rows: list[dict[str, Any]]
    rejects: list[Rejected]
    failed: Rejected | None = None
    more: bool = False


def read_study(listed: StudyFiles, skip: int, how: IngestSettings) -> Outcome:
    """Read the best series of a study; writes its strip to ``out/sheet``.

    Args:
        listed: its files.
        skip: how many of the best series to leave out, as they could not be read before.
        how: settings of the run.
    """
    study, refused = look(listed, how.hu_map)
    rejects = [Rejected.of_file(r, how.salt, used=study is not None) for r in refused]
    if study is None:
        return Outcome([], rejects)
    left = after(study, skip)
    if not left.series:
        return Outcome([], rejects)
    more = len(left.series) > 1
    try:
        whose = of_whom(listed, study.series[0].acquisition.who, how.salt)
        rows = [whose | row for row in _rows(left, how, whose["person"])]
    except RefusedScan as error:
        lonely = len(study.series) == 1 and len(left.series[0].files) > 1
        place = study.folder if lonely else left.series[0].files[0]
        failed = Rejected.of_study(place, study.key, error, how.salt)
        return Outcome([], rejects, failed, more)
    return Outcome(rows, rejects)


def _rows(left: Study, how: IngestSettings, person: str | None) -> list[dict[str, Any]]:
    """Rows of the series that are left; the first of them is read."""
    salt = how.salt
    chosen, why = choose(left)
    volume = read_found(chosen, missing=how.missing_slices)
    key = keys.pseudonym(salt, "study", study_identifier(left, volume.pixel_hash))
    with ThreadPoolExecutor(1) as disk:  # which the worker need not wait for
        written = [_write(disk, how.out / "sheet" / f"{key}.jpg", sheet.strip(volume))]
        if how.cache:
            written.append(_write(disk, *volumes_of(how.out).packed(volume)))
        found = _pixel_row(volume)
    for one in written:
        one.result()
    patient = patient_key(left, volume.pixel_hash, salt)
    aliases = sorted(keys.pseudonym(salt, "study", name) for name in study_names(left))
    rows = []
    for series, name in _named(left):
        row = _header_row(series, person or patient, salt)
        row |= {"patient": patient, "study": key, "aliases": aliases}
        if series.files == chosen.files:
            row |= {"chosen": True, "reason": why, **found}
            name = name or volume.pixel_hash
        else:
            row |= {"chosen": False, "reason": _not_chosen(series), **_no_pixels()}
        row["series"] = keys.pseudonym(salt, "series", name or series.files[0])
        rows.append(row)
    return rows


def _write(disk: ThreadPoolExecutor, path: Path, data: bytes) -> Future[None]:
    return disk.submit(files.write_bytes, path, data)


def study_identifier(study: Study, pixel_hash: str) -> str:
    """What a study's key is made of: its UID, else its pixels.

    An accession number is none: two hospitals may have given the same one, or nobody any.
    """
    return pixel_hash if study_uid(study.key) is None else study.key


def patient_key(study: Study, pixel_hash: str, salt: bytes) -> str:
    """Key of a patient; a study without a patient ID is a patient of its own."""
    if study.patient_id and study.patient_id.strip():
        return keys.pseudonym(salt, "patient", study.patient_id)
    return keys.pseudonym(salt, "patient", f"of study {study_identifier(study, pixel_hash)}")


def study_names(study: Study) -> set[str]:
    """Identifiers that a label table may name a study by: its UID and its accession number.

    A word such as NONE is no number. Its folders and files are named by their paths, see
    ``molre.cohort.folders``.
    """
    accession = (study.accession or "").strip()
    return {accession if same(accession) else "", study_uid(study.key) or ""} - {""}


def _named(study: Study) -> list[tuple[Series, str]]:
    """Series with their UIDs; where a UID holds several stacks, the later ones are numbered.

    A NIfTI has none: its path stands in the field.
    """
    named: list[tuple[Series, str]] = []
    used: dict[str, int] = {}
    for series in sorted(study.series, key=lambda s: s.files):
        uid = "" if series.uid in series.files else series.uid
        count = used[uid] = used.get(uid, 0) + 1
        named.append((series, f"{uid} part {count}" if uid and count > 1 else uid))
    return named


def _header_row(series: Series, patient: str, salt: bytes) -> dict[str, Any]:
    header: Acquisition = series.acquisition
    known = asdict(header)
    return {name: known[name] for name in HEADER} | {
        "path": _place(series.files),
        "files": list(series.files),
        "slices": series.slices,
        "step_mm": series.step_mm,
        "pixel_spacing": series.pixel_spacing,
        "tilt": None if series.tilt is None else round(series.tilt, 2),
        "even": series.even,
        "age": shown_age(header.age),
        "date": keys.shifted(header.study_date, keys.date_shift(salt, patient)),
        "score": series.score,
        "hu_map": series.hu_map.name if series.hu_map else None,
        "eligible": True,
        "synthetic": header.synthetic,
    }


def _pixel_row(volume: Volume) -> dict[str, Any]:
    skull = inside_skull(volume)
    check = check_head(volume, skull)
    raised = flags(volume, check, skull)
    return {
        "slices": len(volume),
        "step_mm": float(np.median(volume.steps)) if len(volume) > 1 else None,
        "pixel_spacing": float(volume.pixel_spacing[0]),
        "tilt": round(volume.tilt_degrees, 2),
        "even": volume.is_even,
        "coverage_mm": float(check.coverage_mm),
        "pixel_hash": volume.pixel_hash,
        "content_hash": volume.content_hash,
        "notes": list(volume.notes),
        "flags": [flag.name for flag in raised],
        "flag_words": [flag.words for flag in raised],
        "head": bool(check.ok),
        "head_reasons": list(check.reasons),
    }


def _no_pixels() -> dict[str, Any]:
    """What is only known of a series that was read: unknown."""
    unread = ("coverage_mm", "pixel_hash", "content_hash", "head")
    lists: dict[str, Any] = {name: [] for name in ("notes", "flags", "flag_words", "head_reasons")}
    return dict.fromkeys(unread) | lists


def _not_chosen(series: Series) -> str:
    return "; ".join((f"another series scored higher than {series.score:g}", *series.reasons))


def _place(paths: tuple[str, ...]) -> str:
    """Folder of the files, the archive they are in, or the one file."""
    first = outer(paths[0])
    return first if len(paths) == 1 or first != paths[0] else str(Path(first).parent)
