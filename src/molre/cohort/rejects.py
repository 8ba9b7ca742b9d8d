"""rejects.csv: what was refused, why, and what to do about it; one table for every verb.

Each run writes it again, with only its header if nothing was refused, so that no row of an
earlier run is taken for this one's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from molre import files
from molre.cohort.keys import pseudonym
from molre.ct.files.text_names import written
from molre.errors import RefusedScan

if TYPE_CHECKING:
    from molre.ct.listing import Reject

COLUMNS = ("file", "study", "reason", "remedy")


@dataclass(frozen=True, order=True)
class Rejected:
    """One row.

    Attributes:
        file: path as the user knows it.
        study: as the folder calls it (a pseudonym; of ``predict``, its folder), or empty where the
            file belongs to none.
        reason: one sentence.
        remedy: what to do.
        lost: whether a study or a stand-alone scan is lost by it. A localizer or dose page of a
            study that was read is none, nor is a text or an image; the exit code stays 0. What
            nobody could look into, as a locked folder or archive, may hold scans and is one.
    """

    file: str
    study: str
    reason: str
    remedy: str
    lost: bool = True

    @classmethod
    def of_file(cls, reject: Reject, salt: bytes, used: bool) -> Rejected:
        """A file that is in no series; ``used``: its study was read all the same."""
        lost = (reject.dicom or reject.closed) and not (used and reject.study)
        return cls(reject.file, _study(reject.study, salt), reject.reason, reject.remedy, lost)

    @classmethod
    def of_study(cls, place: str, key: str, error: RefusedScan, salt: bytes) -> Rejected:
        """A series that could not be read; ``place`` is its first file, or the study's folder."""
        return cls(place, _study(key, salt), error.what, error.fix or "")


def _study(key: str | None, salt: bytes) -> str:
    return "" if key is None or key.startswith("path:") else pseudonym(salt, "study", key)


def write_rejects(path: Path, rejects: Iterable[Rejected]) -> None:
    """Write the table, sorted; only its header where nothing was refused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for r in sorted(rejects):
        writer.writerow(written(cell) for cell in (r.file, r.study, r.reason, r.remedy))
    files.write_text(path, text.getvalue())


def read_rejects(path: Path) -> list[dict[str, str]]:
    """Rows of rejects.csv."""
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
