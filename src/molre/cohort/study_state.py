"""What ingest has read already: COHORT/state, one small file per study, so that a rerun resumes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from molre import files
from molre.cohort.keys import pseudonym
from molre.cohort.read_study import IngestSettings
from molre.cohort.rejects import Rejected
from molre.ct.cache.volume_cache import volumes_of
from molre.ct.files.entries import outer
from molre.ct.listing import Listing, StudyFiles
from molre.ct.patients import key_of, place_of, same

VERSION = 5  # grows when the rows, or the rules of reading, change; older files are read again


@dataclass(frozen=True)
class StudyRecord:
    """A study as it was read.

    Attributes:
        rows: of scans.parquet; none where the study could not be read.
        rejects: rows of rejects.csv.
        files: that it was read from, where it could not be read; else the rows have them.
    """

    rows: list[dict[str, Any]]
    rejects: list[Rejected]
    files: list[str] = field(default_factory=list)


def file_of(how: IngestSettings, listed: StudyFiles) -> Path:
    """Where the rows of a study are kept."""
    return how.out / "state" / f"{pseudonym(how.salt, 'state', listed.key)}.json"


def stamp(listed: StudyFiles, how: IngestSettings) -> str:
    """Hex digest of how a study is read, and of the path, size and times of each of its files.

    A file that is exchanged with its size and time kept still changes its status time (``ctime``).
    """
    lines = {str(how.missing_slices), f"hu_map {how.hu_map}"}
    for name in listed.files:
        try:
            known = os.stat(outer(name))
        except OSError:  # it has gone since it was listed, which reading will say
            lines.add(f"{name}\0gone")
            continue
        lines.add(f"{name}\0{known.st_size}\0{known.st_mtime_ns}\0{known.st_ctime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogatepass")).hexdigest()


def save(path: Path, mark: str, kept: StudyRecord) -> None:
    """Keep a study."""
    files.write_text(path, json.dumps({"version": VERSION, "stamp": mark, **asdict(kept)}))


def load(path: Path, mark: str | None = None) -> StudyRecord | None:
    """What is kept of a study; None if nothing, or not of this version or this stamp."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if kept.get("version") != VERSION or mark not in (None, kept.get("stamp")):
        return None
    return StudyRecord(kept["rows"], [Rejected(**one) for one in kept["rejects"]], kept["files"])


def is_read(listed: StudyFiles, how: IngestSettings) -> bool:
    """Whether a study was read before, and its files are the same as then."""
    kept = load(file_of(how, listed), stamp(listed, how))
    if kept is None or not kept.rows:
        return False
    chosen = next(row for row in kept.rows if row["chosen"])
    cached = not how.cache or chosen["content_hash"] in volumes_of(how.out)
    return cached and (how.out / "sheet" / f"{chosen['study']}.jpg").is_file()


def settled(listed: StudyFiles, how: IngestSettings) -> StudyFiles:
    """The same study under the key that it has in the cohort, so that no later run changes it.

    Where patients share a Study Instance UID, the one who came alone has it for a key; those who
    come later, or together, have a key of their own.
    """
    place, keys = place_of(listed.key), {key_of(listed.key, same(p)) for p in listed.patients}
    before = load(file_of(how, replace(listed, key=place)))
    theirs = bool(before and before.rows and _of_another(listed, before.rows[0], place, how))
    if place != listed.key:  # patients share it in this run
        kept = before is not None and bool(before.rows) and not theirs
        return replace(listed, key=place) if kept else listed
    for key in sorted(keys):
        other = replace(listed, key=key)
        if theirs or file_of(how, other).is_file():
            return other
    return listed


def _of_another(listed: StudyFiles, row: dict[str, Any], place: str, how: IngestSettings) -> bool:
    """Whether what was read before is another patient's, and still lies elsewhere."""
    if row["files"][0] in listed.files or not _is_there(row["files"][0]):
        return False
    if listed.key not in (place, *(key_of(place, same(name)) for name in listed.patients)):
        return True  # told apart by name, birth date or sex
    mine = {pseudonym(how.salt, "patient", name) for name in listed.patients}
    mine.add(pseudonym(how.salt, "patient", f"of study {place}"))
    return bool(listed.patients) and row["patient"] not in mine


def load_all(folder: Path) -> Iterator[StudyRecord]:
    """Every study of a cohort whose files are still there, in a fixed order.

    One that another version of molre read, by other rules, is none any more: it is to be read
    again.
    """
    for path in sorted((folder / "state").glob("*.json")):
        kept = load(path)
        if kept is None:
            yield from _outdated(path)
            continue
        rows = [row for row in kept.rows if _is_there(row["files"][0])]
        rejects = [reject for reject in kept.rejects if _is_there(reject.file)]
        if len(rows) == len(kept.rows) and (rows or rejects):
            yield StudyRecord(rows, rejects)


def forget_outdated(folder: Path, listing: Listing, current: Container[Path]) -> None:
    """Remove what was kept of files that another version of molre read, or that changed hands.

    Args:
        folder: the cohort.
        listing: what lies below the paths of this run.
        current: where its studies are kept.
    """
    others = [path for path in (folder / "state").glob("*.json") if path not in current]
    firsts = {path: _first_file(path) for path in others}
    below = {
        path: file
        for path, file in firsts.items()
        if file and any(file == p or _is_below(file, p) for p in listing.paths)
    }
    if not below:
        return
    listed = {name for study in listing.studies for name in study.files}
    listed |= {reject.file for reject in listing.rejects}
    for path, file in below.items():
        if file in listed or _other_row(path):
            path.unlink(missing_ok=True)


def _first_file(path: Path) -> str | None:
    """A file of the study that is kept there, in any version."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        names = [row["files"][0] for row in kept["rows"]] + kept.get("files", [])
        return next(iter([*names, *(reject["file"] for reject in kept["rejects"])]), None)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def _is_below(file: str, folder: str) -> bool:
    return file.startswith((folder.rstrip("/") + "/", f"{folder}!"))


def _outdated(path: Path) -> Iterator[StudyRecord]:
    row = _other_row(path)
    if row and _is_there(row["files"][0]):
        reason = "was read by another version of molre, with other rules"
        rejected = Rejected(row["path"], row["study"], reason, "ingest its folder again")
        yield StudyRecord([], [rejected])


def _other_row(path: Path) -> dict[str, Any] | None:
    """A row of a study that another version kept; None where this one did, or nothing is there."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["version"] == VERSION:
            return None
        row = next(row for row in kept["rows"] if row["chosen"])
        return row if {"path", "study"} <= set(row) and row["files"] else None
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None


def _is_there(name: str) -> bool:
    """A file on disk, the archive that it is in, or a folder."""
    return os.path.exists(name) or os.path.isfile(outer(name))
