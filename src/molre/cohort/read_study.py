"""One study, in a worker process: read the chosen series, check it, draw its strip."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from molre import files
from molre.cohort import keys, sheet
from molre.cohort.scans import shifted, shown_age
from molre.ct.head import HeadCheck, check_head
from molre.ct.read import read_series
from molre.ct.survey import Series, Study, choose
from molre.ct.volume import Acquisition, Volume

HEADER = ("manufacturer", "model", "kernel", "kvp", "slice_thickness", "sex", "contrast")


def read_study(
    study: Study, salt: bytes, out: Path, missing_slices: Literal["warn", "refuse"] = "warn"
) -> list[dict[str, Any]]:
    """Rows of scans.parquet for one study; writes its strip to ``out/sheet``.

    The same rows come out whatever order the study's series are in.

    Args:
        study: as surveyed.
        salt: the cohort's.
        out: cohort folder.
        missing_slices: ``warn`` or ``refuse``, for a gap in the slices.

    Raises:
        RefusedScan: the chosen series cannot be read.
    """
    chosen, why = choose(study)
    volume = read_series(chosen.files, missing=missing_slices)
    key = keys.pseudonym(salt, "study", study_identifier(study, volume.pixel_hash))
    files.write_bytes(out / "sheet" / f"{key}.jpg", sheet.strip(volume))
    patient = patient_key(study, volume.pixel_hash, salt)
    aliases = sorted(keys.pseudonym(salt, "study", name) for name in study_names(study))
    rows = []
    for series, name in _named(study):
        row = _header_row(series, patient, salt)
        row |= {"patient": patient, "study": key, "aliases": aliases}
        if series.files == chosen.files:
            row |= {"chosen": True, "reason": why, **_pixel_row(volume, check_head(volume))}
            name = name or volume.pixel_hash
        else:
            row |= {"chosen": False, "reason": _not_chosen(series), **_no_pixels()}
        row["series"] = keys.pseudonym(salt, "series", name or series.files[0])
        rows.append(row)
    return rows


def study_identifier(study: Study, pixel_hash: str) -> str:
    """What a study's key is made of: its UID, else accession number, else its pixels."""
    if not study.key.startswith("path:"):
        return study.key
    return study.accession or pixel_hash


def patient_key(study: Study, pixel_hash: str, salt: bytes) -> str:
    """Key of a patient; a study without a patient ID is a patient of its own."""
    if study.patient_id and study.patient_id.strip():
        return keys.pseudonym(salt, "patient", study.patient_id)
    return keys.pseudonym(salt, "patient", f"of study {study_identifier(study, pixel_hash)}")


def study_names(study: Study) -> set[str]:
    """Everything a label table may call a study: UID, accession, folders, zip or NIfTI file."""
    names = {study.folder, (study.accession or "").strip()}
    if not study.key.startswith("path:"):
        names.add(study.key)
    for series in study.series:
        for name in series.files:
            outer, _, inner = name.partition("!")
            names |= _folder_names(Path(inner or outer))
            if inner or len(series.files) == 1:  # a zip, or a file that is a whole study
                names |= {outer, Path(outer).name, Path(outer).name.split(".")[0]}
    return names - {""}


def _folder_names(path: Path) -> set[str]:
    """The folder of a file, and the one above, where series have folders of their own."""
    return {path.parent.name, path.parent.parent.name}


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
        "age": shown_age(header.age),
        "date": shifted(header.study_date, keys.date_shift(salt, patient)),
        "eligible": True,
        "synthetic": header.synthetic,
    }


def _pixel_row(volume: Volume, check: HeadCheck) -> dict[str, Any]:
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
        "head": bool(check.ok),
        "head_reasons": list(check.reasons),
    }


def _no_pixels() -> dict[str, Any]:
    """What is only known of a series that was read: unknown."""
    unread = ("step_mm", "pixel_spacing", "tilt", "even", "coverage_mm", "pixel_hash")
    return dict.fromkeys((*unread, "content_hash", "head")) | {"notes": [], "head_reasons": []}


def _not_chosen(series: Series) -> str:
    return "; ".join(("another series scored higher", *series.reasons))


def _place(paths: tuple[str, ...]) -> str:
    """Folder of the files, the zip they are in, or the one file."""
    if len(paths) == 1 and "!" not in paths[0]:
        return paths[0]
    first = paths[0].split("!")[0]
    return first if "!" in paths[0] else str(Path(first).parent)
