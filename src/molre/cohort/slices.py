"""Which study each slice is of: what a label file of slices leaves to the scans to say."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from molre.ct.files.entries import Entries
from molre.ct.listing import list_studies
from molre.errors import MolreError
from molre.labels.columns import plain
from molre.labels.rows import read_rows
from molre.progress import track

_UID = re.compile(r"ID_[0-9a-zA-Z]+")  # as RSNA's release names files by their SOP Instance UID
SCHEMA = {"slice": pl.String, "study": pl.String}


def studies_of_slices(scans: Path) -> pl.DataFrame:
    """Every slice and its study.

    A file that is called by its SOP Instance UID, as in RSNA's release, is not opened for it again.

    Args:
        scans: a folder or archive of DICOM, or a CSV with columns SOPInstanceUID and
            StudyInstanceUID, as tables of the release's headers have them.

    Returns:
        Columns ``slice`` (SOP Instance UID) and ``study`` (Study Instance UID).

    Raises:
        MolreError: there is no DICOM below it, or the CSV lacks a column.
    """
    if scans.suffix.lower() == ".csv":
        return _of_table(scans)
    listing = list_studies([scans], progress=track)
    rows: list[tuple[str, str]] = []
    with Entries() as entries:
        for study in listing.studies:
            if not study.nifti:
                rows += [(_slice(file, entries), study.key) for file in study.names]
    if not rows:
        raise MolreError(
            "holds no DICOM", where=scans, fix="give the folder of the scans (ID_....dcm)"
        )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _slice(entry: str, entries: Entries) -> str:
    stem = re.split(r"[/\\!]", entry)[-1].removesuffix(".dcm")
    if _UID.fullmatch(stem):
        return stem
    from molre.ct.dicom.header import read_header

    stream, size = entries.open(entry)
    with stream:
        return read_header(stream, entry, size).sop_uid or ""


def _of_table(path: Path) -> pl.DataFrame:
    header, rows = read_rows(path)
    at = {plain(name): i for i, name in enumerate(header)}
    missing = [n for n in ("SOPInstanceUID", "StudyInstanceUID") if plain(n) not in at]
    if missing:
        raise MolreError(
            f"has no column {missing[0]}",
            where=path,
            fix="give a CSV with columns SOPInstanceUID and StudyInstanceUID, or the scans",
        )
    slices, studies = at["sopinstanceuid"], at["studyinstanceuid"]
    pairs = [(row[slices], row[studies]) for _, row in rows]
    return pl.DataFrame(pairs, schema=SCHEMA, orient="row")
