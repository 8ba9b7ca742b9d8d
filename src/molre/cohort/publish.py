"""From what each study left in COHORT/state to the tables of the cohort."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from molre.cohort import scans, state
from molre.cohort.cohort import write_facts, write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.ct.volume_cache import volumes_of

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
    first = _first_of_equals(folder)
    rejects = set(loose)
    tables, waiting = [scans.table([])], []
    for kept in state.load_all(folder):
        rejects |= set(kept.rejects)
        if not kept.rows:
            continue
        study, place = kept.rows[0]["study"], kept.rows[0]["path"]
        if first[study] != place:
            reason = f"has the same pixels as {first[study]}"
            rejects.add(Rejected(place, study, reason, "keep one of them", lost=False))
            continue
        waiting += kept.rows
        if len(waiting) >= _AT_ONCE:
            tables.append(scans.table(waiting))
            waiting = []
    table = scans.in_order(pl.concat([*tables, scans.table(waiting)]))
    ordered = tuple(sorted(rejects))
    write_table(folder / "scans.parquet", table)
    write_rejects(folder / "rejects.csv", ordered)
    write_facts(folder, synthetic=bool(len(table)) and bool(table["synthetic"].all()))
    return Published(frozenset(table["study"]), ordered)


def sweep(folder: Path, studies: frozenset[str]) -> None:
    """Remove strips of studies that have left; for a run that is alone on the cohort."""
    for picture in (folder / "sheet").glob("*.jpg"):
        if picture.stem not in studies:
            picture.unlink(missing_ok=True)


def sweep_parts(folder: Path) -> None:
    """Remove what killed workers left half written; for a run that is alone on the cohort."""
    volumes_of(folder).sweep()
    for room in ("sheet", "state"):
        for part in (folder / room).glob(".*.part"):
            part.unlink(missing_ok=True)


def _first_of_equals(folder: Path) -> dict[str, str]:
    """Where each study lies.

    Two files without a study UID and with equal pixels are one study: the first of them by path.
    """
    first: dict[str, str] = {}
    for kept in state.load_all(folder):
        if kept.rows:
            study, place = kept.rows[0]["study"], kept.rows[0]["path"]
            first[study] = min(place, first.get(study, place))
    return first
