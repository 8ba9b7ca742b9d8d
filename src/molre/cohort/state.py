"""What ingest has read already: COHORT/state, one small file per study, so that a rerun resumes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from molre import files
from molre.cohort.keys import pseudonym
from molre.cohort.read_study import Reading
from molre.cohort.rejects import Rejected
from molre.ct.listing import Listed
from molre.ct.volume_cache import volumes_of

VERSION = 3  # grows when the rows change; older files are read again


@dataclass(frozen=True)
class Kept:
    """A study as it was read.

    Attributes:
        rows: of scans.parquet; none where the study could not be read.
        rejects: rows of rejects.csv.
    """

    rows: list[dict[str, Any]]
    rejects: list[Rejected]


def file_of(how: Reading, listed: Listed) -> Path:
    """Where the rows of a study are kept."""
    return how.out / "state" / f"{pseudonym(how.salt, 'state', listed.key)}.json"


def stamp(listed: Listed, how: Reading) -> str:
    """Hex digest of how a study is read, and of the path, size and time of each of its files."""
    lines = {str(how.missing_slices), f"hu_map {how.hu_map}"}
    for name in listed.files:
        try:
            known = os.stat(name.split("!")[0])
        except OSError:  # it has gone since it was listed, which reading will say
            lines.add(f"{name}\0gone")
            continue
        lines.add(f"{name}\0{known.st_size}\0{known.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode(errors="surrogatepass")).hexdigest()


def save(path: Path, mark: str, kept: Kept) -> None:
    """Keep a study."""
    files.write_text(path, json.dumps({"version": VERSION, "stamp": mark, **asdict(kept)}))


def load(path: Path, mark: str | None = None) -> Kept | None:
    """What is kept of a study; None if nothing, or not of this version or this stamp."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if kept.get("version") != VERSION or mark not in (None, kept.get("stamp")):
        return None
    return Kept(kept["rows"], [Rejected(**reject) for reject in kept["rejects"]])


def is_read(listed: Listed, how: Reading) -> bool:
    """Whether a study was read before, and its files are the same as then."""
    kept = load(file_of(how, listed), stamp(listed, how))
    if kept is None or not kept.rows:
        return False
    chosen = next(row for row in kept.rows if row["chosen"])
    cached = not how.cache or chosen["content_hash"] in volumes_of(how.out)
    return cached and (how.out / "sheet" / f"{chosen['study']}.jpg").is_file()


def load_all(folder: Path) -> Iterator[Kept]:
    """Every study of a cohort whose files are still there, in a fixed order."""
    for path in sorted((folder / "state").glob("*.json")):
        kept = load(path)
        if kept is None:
            continue
        rows = [row for row in kept.rows if _is_there(row["files"][0])]
        rejects = [reject for reject in kept.rejects if _is_there(reject.file)]
        if len(rows) == len(kept.rows) and (rows or rejects):
            yield Kept(rows, rejects)


def _is_there(name: str) -> bool:
    """A file on disk, the archive that it is in, or a folder."""
    return os.path.exists(name) or os.path.isfile(name.split("!")[0])
