"""From what each study left in COHORT/state to the tables of the cohort."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre.cohort import scans
from molre.cohort import study_state as state
from molre.cohort.cohort import write_facts, write_table
from molre.cohort.patient_identity import one_key
from molre.cohort.rejects import Rejected, write_rejects
from molre.ct.cache.volume_cache import volumes_of

_AT_ONCE = 50  # studies held as Python objects


@dataclass(frozen=True)
class Published:
    """What the tables hold now.

    Attributes:
        studies: keys of the studies.
        rejects: rows of rejects.csv, sorted.
    """

    studies: frozenset[str]
    rejects: tuple[Rejected, ...]


def publish(folder: Path, loose: Iterable[Rejected]) -> Published:
    """Write scans.parquet, rejects.csv and cohort.json from all studies that are kept.

    Args:
        folder: the cohort.
        loose: rejected files that belong to no study.
    """
    first, patients = _first_of_equals(folder)
    keys = one_key(patients, folder)
    rejects = set(loose)
    tables, waiting = [scans.table([])], []
    for kept in state.load_all(folder):
        rejects |= set(kept.rejects)
        if not kept.rows:
            continue
        one = _One.of(kept)
        if one.study not in first:
            continue  # written since the first look by another run, which will publish it
        if first[one.study] != one:
            rejects.add(_twice(one, first[one.study], keys))
            continue
        waiting += [row | {"patient": keys.get(one.patient, one.patient)} for row in kept.rows]
        if len(waiting) >= _AT_ONCE:
            tables.append(scans.table(waiting))
            waiting = []
    table = scans.in_order(pl.concat([*tables, scans.table(waiting)]))
    ordered = tuple(sorted(rejects))
    write_table(folder / "scans.parquet", table)
    write_rejects(folder / "rejects.csv", ordered)
    synthetic = bool(len(table)) and bool(table["synthetic"].all())
    write_facts(folder, synthetic, (folder / "salt").read_bytes())
    return Published(frozenset(table["study"]), ordered)


def sweep(folder: Path, studies: frozenset[str]) -> None:
    """Remove strips of studies that have left; for a run that is alone on the cohort."""
    for image in (folder / "sheet").glob("*.jpg"):
        if image.stem not in studies:
            image.unlink(missing_ok=True)


def sweep_parts(folder: Path) -> None:
    """Remove what killed workers left half written; for a run that is alone on the cohort."""
    volumes_of(folder).sweep()
    for room in ("sheet", "state"):
        for part in (folder / room).glob(".*.part"):
            part.unlink(missing_ok=True)


@dataclass(frozen=True, order=True)
class _One:
    """A study that was read; the first by path keeps the key where several have it."""

    place: str
    file: str
    study: str
    patient: str
    pixels: str

    @classmethod
    def of(cls, kept: state.StudyRecord) -> _One:
        row = next(row for row in kept.rows if row["chosen"])
        file = row["files"][0]
        place = file if "!" in file else row["path"]
        return cls(place, file, row["study"], row["patient"], row["pixel_hash"])


def _twice(one: _One, first: _One, keys: dict[str, str]) -> Rejected:
    """Why a study is not used whose key another one has.

    Equal pixels of one patient are a copy. All else is another scan, or another patient's, and is
    lost.
    """
    if one.pixels != first.pixels:
        reason = f"has the Study Instance UID of study {first.study}, and other pixels"
        remedy = "give each study a UID of its own, or ingest the folder that holds both"
    elif keys.get(one.patient, one.patient) != keys.get(first.patient, first.patient):
        reason = f"has the same pixels as study {first.study}, under another Patient ID"
        remedy = "find out whose scan it is, and keep one of them"
    else:
        reason = f"has the same pixels as study {first.study}"
        return Rejected(one.place, one.study, reason, "keep one of them", lost=False)
    return Rejected(one.place, "", reason, remedy)


def _first_of_equals(folder: Path) -> tuple[dict[str, _One], dict[str, set[str]]]:
    """The study that keeps each key, and the patients' keys by person."""
    first: dict[str, _One] = {}
    patients: dict[str, set[str]] = defaultdict(set)
    for kept in state.load_all(folder):
        if kept.rows:
            one = _One.of(kept)
            first[one.study] = min(one, first.get(one.study, one))
            if person := kept.rows[0]["person"]:
                patients[person].add(one.patient)
    return first, patients
