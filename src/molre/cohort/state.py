"""What ingest has read already: COHORT/state, one small file per study, so that a rerun resumes."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molre import files
from molre.cohort.keys import pseudonym
from molre.cohort.rejects import Rejected

if TYPE_CHECKING:
    from molre.ct.survey import Study

VERSION = 2  # grows when the rows change; older files are read again


def file_of(out: Path, salt: bytes, study: Study) -> Path:
    """Where the rows of a study are kept."""
    return out / "state" / f"{pseudonym(salt, 'state', study.key)}.json"


def stamp(study: Study, missing_slices: str) -> str:
    """Hex digest of how a study is read, and of the path, size and time of each of its files."""
    lines = {missing_slices}
    for series in study.series:
        for name in series.files:
            path = name.split("!")[0]
            known = os.stat(path)
            lines.add(f"{name}\0{known.st_size}\0{known.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@dataclass(frozen=True)
class Kept:
    """A study that was read.

    Attributes:
        rows: of scans.parquet.
        unreadable: rows of rejects.csv, for better series that could not be read.
    """

    rows: list[dict[str, Any]]
    unreadable: list[Rejected] = field(default_factory=list)


def save(path: Path, mark: str, kept: Kept) -> None:
    """Keep a study that was read."""
    files.write_text(path, json.dumps({"version": VERSION, "stamp": mark, **asdict(kept)}))


def load(path: Path, mark: str | None = None) -> Kept | None:
    """A study that was read, or None if there is none, or not of this version or this stamp."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if kept.get("version") != VERSION or mark not in (None, kept.get("stamp")):
        return None
    rows: list[dict[str, Any]] = kept["rows"]
    sheet = path.parent.parent / "sheet" / f"{rows[0]['study']}.jpg"
    unreadable = [Rejected(**r) for r in kept["unreadable"]]
    return Kept(rows, unreadable) if sheet.is_file() else None
