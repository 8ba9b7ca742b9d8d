"""Small cohort folders, written without any scan."""

from __future__ import annotations

from pathlib import Path

from molre.cohort.cohort import write_facts, write_table
from molre.cohort.keys import open_salt, pseudonym
from molre.cohort.scans import table

SALT = b"a salt for tests"


def write_cohort(path: Path, studies: dict[str, str], pixels: dict[str, str] | None = None) -> Path:
    """A cohort with one series a study: study name to patient name; pixel hash by study name."""
    open_salt(path / "salt", SALT)
    rows = []
    for study, patient in studies.items():
        key = pseudonym(SALT, "study", study)
        rows.append(
            {
                "patient": pseudonym(SALT, "patient", patient),
                "study": key,
                "series": pseudonym(SALT, "series", study),
                "aliases": [key],
                "path": f"/scans/folder of {study}",
                "files": [f"/scans/folder of {study}/{n}.dcm" for n in range(2)],
                "pixel_hash": (pixels or {}).get(study, f"pixels of {study}"),
                "content_hash": f"content of {study}",
                "eligible": True,
                "chosen": True,
            }
        )
    write_table(path / "scans.parquet", table(rows))
    write_facts(path, synthetic=False)
    return path
