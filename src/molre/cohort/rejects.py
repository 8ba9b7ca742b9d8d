"""rejects.csv: what was refused, why, and what to do about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from molre import files
from molre.cohort.keys import pseudonym
from molre.errors import RefusedScan

if TYPE_CHECKING:
    from molre.ct.survey import Study, Survey

COLUMNS = ("file", "study", "reason", "remedy")


@dataclass(frozen=True, order=True)
class Rejected:
    """One row.

    Attributes:
        file: path as the user knows it.
        study: pseudonym, or empty where the file belongs to none.
        reason: one sentence.
        remedy: what to do.
        lost: whether a study or a stand-alone scan is lost by it. A localizer or dose page of a
            study that was read is none, nor is a text or a picture; they leave the exit code 0.
    """

    file: str
    study: str
    reason: str
    remedy: str
    lost: bool = True

    @classmethod
    def of_best(cls, study: Study, error: RefusedScan, salt: bytes) -> Rejected:
        """The best series of a study could not be read; named by its first file.

        The only one, or the last one left, is named by the study's folder.
        """
        best = study.series[0].files
        place = best[0] if len(best) == 1 or len(study.series) > 1 else study.folder
        return cls(place, _study(study.key, salt), error.what, error.fix or "")


def of_survey(found: Survey, usable: set[str], salt: bytes) -> list[Rejected]:
    """What the survey refused; ``usable`` holds the keys of the studies that live."""
    return [
        Rejected(
            r.file,
            _study(r.study, salt),
            r.reason,
            r.remedy,
            lost=r.dicom and r.study not in usable,
        )
        for r in found.rejects
    ]


def _study(key: str | None, salt: bytes) -> str:
    return "" if key is None or key.startswith("path:") else pseudonym(salt, "study", key)


def write_rejects(path: Path, rejects: Iterable[Rejected]) -> None:
    """Write the table, sorted; only its header where nothing was refused."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((r.file, r.study, r.reason, r.remedy) for r in sorted(rejects))
    files.write_text(path, text.getvalue())


def read_rejects(path: Path) -> list[dict[str, str]]:
    """Rows of rejects.csv."""
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))
