"""Match a label table to a cohort's studies by accession, study UID or folder, through the salt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PureWindowsPath

import polars as pl

from molre import files
from molre.cohort.cohort import Cohort, write_table
from molre.cohort.keys import pseudonym
from molre.errors import MolreError
from molre.labels.findings import FindingsTable, findings
from molre.labels.table import read_wide

LABELS = ("study_id", "finding", "state", "source", "labeller", "evidence")
NO_SCAN, NO_LABEL = "label row without scan", "scan without label row"


@dataclass(frozen=True)
class Matched:
    """How many label rows and studies found each other, and the file that lists the others."""

    matched: int
    rows_without_scan: int
    scans_without_row: int
    unmatched: str

    def as_json(self) -> str:
        """The counts as JSON."""
        return json.dumps(asdict(self))

    def as_text(self) -> str:
        """One sentence."""
        strays = self.rows_without_scan + self.scans_without_row
        text = f"{self.matched} studies have labels"
        if not strays:
            return f"{text}; every row and scan found its partner"
        return (
            f"{text}; {self.rows_without_scan} rows without a scan and {self.scans_without_row} "
            f"scans without a row are in {self.unmatched}"
        )


def match_labels(
    cohort: str | Path,
    labels: str | Path,
    id_column: str | None = None,
    source: str | None = None,
    labeller: str = "",
    ignore: Sequence[str] = (),
    table: FindingsTable | None = None,
    overwrite: bool = False,
) -> Matched:
    """Write COHORT/labels.parquet, and COHORT/unmatched.csv of what did not join.

    Args:
        cohort: the folder.
        labels: wide CSV, see :func:`molre.labels.table.read_wide`.
        id_column: the column with accession number, study UID, folder or file name.
        source: where the labels come from; ``phantom`` for a synthetic cohort, else ``reader``.
        labeller: name and version.
        ignore: columns that are no findings.
        table: findings known.
        overwrite: replace other labels that are there.

    Raises:
        MolreError: a bad table, no label row that matches a scan, two rows for one study, a name
            that several studies share, or other labels there; nothing is written then.
    """
    opened, path = Cohort(Path(cohort)), Path(labels)
    source = source or ("phantom" if opened.synthetic else "reader")
    long = read_wide(path, table or findings(), id_column, source, labeller, ignore)
    scans = opened.scans()
    known, salt = _studies_of_key(scans), opened.salt
    names = long["id"].unique(maintain_order=True)
    found = {name: _lookup(name, known, salt, path) for name in names}
    studies = {s for s in found.values() if s is not None}
    if not studies:
        raise MolreError(
            f"none of its {len(found)} rows matches a scan of {opened.path}",
            where=path,
            fix="check --id-column: it must hold accession numbers, study UIDs or folder names",
        )
    _refuse_double(found, path)
    key = pl.col("id").replace_strict(found, return_dtype=pl.String).alias("study_id")
    joined = long.with_columns(key).drop_nulls("study_id").select(LABELS).sort(LABELS[:2])
    _refuse_other(opened, joined, overwrite)
    strays = [name for name, study in found.items() if study is None]
    unlabelled = sorted(set(scans["study"]) - studies)
    sides = [NO_SCAN] * len(strays) + [NO_LABEL] * len(unlabelled)
    unmatched = pl.DataFrame(
        {"side": sides, "id": strays + unlabelled}, schema={"side": pl.String, "id": pl.String}
    )
    listed = opened.path / "unmatched.csv"
    files.write_text(listed, unmatched.write_csv())
    write_table(opened.path / "labels.parquet", joined)
    return Matched(len(studies), len(strays), len(unlabelled), str(listed))


def _studies_of_key(scans: pl.DataFrame) -> dict[str, set[str]]:
    """Studies of every key a user may name them by: their own, and their aliases'."""
    known: dict[str, set[str]] = {}
    for study, aliases in scans.select("study", "aliases").iter_rows():
        for key in (study, *(aliases or ())):
            known.setdefault(key, set()).add(study)
    return known


def _lookup(name: str, known: dict[str, set[str]], salt: bytes, path: Path) -> str | None:
    """The study of a name; a path that matches nowhere is tried by its last part."""
    last = PureWindowsPath(name).name  # cuts at both kinds of slash
    for key in (name, pseudonym(salt, "study", name), pseudonym(salt, "study", last)):
        studies = known.get(key, set())
        if len(studies) > 1:
            raise MolreError(
                f"{name!r} is the name of {len(studies)} studies",
                where=path,
                fix="name them by study UID or accession number",
            )
        if studies:
            return next(iter(studies))
    return None


def _refuse_double(found: dict[str, str | None], path: Path) -> None:
    first: dict[str, str] = {}
    for name, study in found.items():
        if study is not None and first.setdefault(study, name) != name:
            raise MolreError(
                f"rows {first[study]!r} and {name!r} name the same study",
                where=path,
                fix="keep one",
            )


def _refuse_other(cohort: Cohort, joined: pl.DataFrame, overwrite: bool) -> None:
    """The same table again is no harm; another one must be meant."""
    path = cohort.path / "labels.parquet"
    if not overwrite and path.is_file() and not cohort.labels().equals(joined):
        raise MolreError("holds other labels", where=path, fix="replace them by --overwrite")
