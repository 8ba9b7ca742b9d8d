"""Match a label table to a cohort's studies, and list what does not join, with a hint why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from molre import files
from molre.cohort.cohort import Cohort, write_table
from molre.cohort.names import Names
from molre.errors import MolreError
from molre.folders import claim_file, refuse_existing
from molre.labels.findings import FindingsTable, findings
from molre.labels.read_labels import IN_MEMORY, read_labels
from molre.labels.table import write_wide

LABELS = ("study_id", "finding", "state", "source", "labeller", "evidence")
NO_SCAN, NO_LABEL = "label row without scan", "scan without label row"
UNMATCHED = ("side", "id", "hint")
SAID = 3  # hints on the screen


@dataclass(frozen=True)
class Matched:
    """How many label rows and studies found each other, and the file that lists the others."""

    matched: int
    rows_without_scan: int
    scans_without_row: int
    unmatched: str
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> str:
        """The counts as JSON, and notes where there are any."""
        known = asdict(self)
        return json.dumps({n: v for n, v in known.items() if n != "hints" and (v or n != "notes")})

    def as_text(self) -> str:
        """One sentence, and a few hints."""
        strays = self.rows_without_scan + self.scans_without_row
        text = f"{self.matched} studies have labels"
        notes = "".join(f"\nnote: {note}" for note in self.notes)
        if not strays:
            return f"{text}; every row and every scan was matched{notes}"
        rows, scans = self.rows_without_scan, self.scans_without_row
        row = "1 row has" if rows == 1 else f"{rows} rows have"
        scan = "1 scan has" if scans == 1 else f"{scans} scans have"
        hints = "".join(f"\n  {hint}" for hint in self.hints)
        return f"{text}; {row} no scan and {scan} no row, see {self.unmatched}{hints}{notes}"


def match_labels(
    cohort: str | Path,
    labels: pl.DataFrame | str | Path,
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
        labels: a long table, in memory, as Parquet or as CSV, with a column that names the study,
            ``finding``, ``state`` (present, absent, uncertain, not_mentioned) and, where known,
            ``source``, ``labeller`` and ``evidence``; or a wide CSV with a column for each finding
            (1, 0 or empty). See :mod:`molre.labels.read_labels`.
        id_column: the column with accession number, UID, Patient ID, or folder or file.
        source: where the labels come from, if the table does not say; ``phantom`` for a synthetic
            cohort, else ``reader``.
        labeller: name and version, likewise.
        ignore: columns to leave out.
        table: findings known.
        overwrite: replace other labels that are there.

    Raises:
        MolreError: a bad table, no label row that matches a scan, two rows for one study, a name
            that several studies share, or other labels there; nothing is written then.

    Examples:
        A report labeler's table, in memory, and the wide table of readers in its place:

        >>> import molre
        >>> import polars as pl
        >>> said = {"study": ["study_00000"], "finding": ["hydrocephalus"], "state": ["uncertain"]}
        >>> molre.label("cohort", pl.DataFrame(said), source="report-rules").matched
        1
        >>> molre.label("cohort", "phantoms/labels.csv", overwrite=True).matched
        6
    """
    opened = Cohort(Path(cohort))
    path = IN_MEMORY if isinstance(labels, pl.DataFrame) else str(labels)
    source = source or ("phantom" if opened.synthetic else "reader")
    column, long = read_labels(labels, table or findings(), id_column, source, labeller, ignore)
    scans = opened.scans()
    named = long["id"].unique(maintain_order=True).to_list()
    names = Names(scans, opened.salt, column, named)
    found = {name: _only(name, names.studies(name), path) for name in named}
    studies = {s for s in found.values() if s is not None}
    if not studies:
        raise _nothing(column, named, names, path, opened.path)
    _refuse_double(found, path)
    key = pl.col("id").replace_strict(found, return_dtype=pl.String).alias("study_id")
    joined = long.with_columns(key).drop_nulls("study_id").select(LABELS).sort(LABELS[:2])
    _refuse_other(opened, joined, overwrite)
    strays = [name for name, study in found.items() if study is None]
    unlabeled = sorted(set(scans["study"]) - studies)
    rows = [(NO_SCAN, name, names.hint(name)) for name in strays]
    rows += [(NO_LABEL, study, "") for study in unlabeled]
    unmatched = pl.DataFrame(rows, schema=dict.fromkeys(UNMATCHED, pl.String), orient="row")
    listed = opened.path / "unmatched.csv"
    files.write_text(listed, unmatched.write_csv())
    write_table(opened.path / "labels.parquet", joined)
    hints = tuple(f"{name}: {hint}" for _, name, hint in rows if hint)[:SAID]
    notes = tuple(names.notes(name for name, study in found.items() if study is not None))
    return Matched(len(studies), len(strays), len(unlabeled), str(listed), hints, notes)


def export_labels(cohort: str | Path, path: str | Path, *, overwrite: bool = False) -> int:
    """Write a cohort's labels as a wide CSV: 1 present, 0 absent, empty otherwise.

    A row a study, by its key in the cohort, and a column for each finding; :func:`match_labels`
    takes it again. Uncertain and not mentioned are empty both.

    Args:
        cohort: the folder, labeled.
        path: of the CSV.
        overwrite: replace a file that is there.

    Returns:
        How many studies it has.

    Raises:
        MolreError: the cohort has no labels, no file can be written there, one is there already, or
            something that is not such a table, which is never replaced.
    """
    labels, out = Cohort(Path(cohort)).labels(), Path(path)
    claim_file(out, ",".join(("study", *findings().ids)))
    refuse_existing(out, overwrite=overwrite)
    write_wide(labels, out, findings())
    return labels["study_id"].n_unique()


def _only(name: str, studies: set[str], path: str) -> str | None:
    if len(studies) > 1:
        raise MolreError(
            f"{name!r} is the name of {len(studies)} studies",
            where=path,
            fix="name them by study UID or accession number",
        )
    return next(iter(studies), None)


def _nothing(
    column: str, named: Sequence[str], names: Names, path: str, cohort: Path
) -> MolreError:
    """What was compared, and what may have become of the first name."""
    rows = f"none of its {len(named)} rows matches" if len(named) > 1 else "its one row matches no"
    scan = " a scan" if len(named) > 1 else " scan"
    hinted = ((name, hint) for name in named if (hint := names.hint(name)))
    first, why = next(hinted, (named[0], ""))
    said = f"; {first!r} of column {column!r}: {why}" if why else f" by column {column!r}"
    return MolreError(
        f"{rows}{scan} of {cohort}{said}",
        where=path,
        fix="give accession numbers, study UIDs, patient IDs or paths of folders, as text, and say "
        "by --id-column which column holds them",
    )


def _refuse_double(found: dict[str, str | None], path: str) -> None:
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
        raise MolreError(
            "holds different labels", where=path, fix="add --overwrite to replace them"
        )
