"""Ingest: files as scanners write them to a cohort folder with one table of scans."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from molre.cohort import scans, state
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.keys import open_salt
from molre.cohort.pool import MEMORY, SECONDS, each
from molre.cohort.read_study import read_study
from molre.cohort.rejects import Rejected, of_survey, write_rejects
from molre.ct.survey import Study, Survey, survey
from molre.errors import MolreError, RefusedScan
from molre.progress import track

SAID = 5  # rejected files that the closing sentence names
Rows = list[dict[str, Any]]
Read = dict[Path, state.Kept]  # by the file in COHORT/state that keeps it


@dataclass(frozen=True)
class Ingested:
    """What ingest did.

    Attributes:
        cohort: the folder, opened.
        studies: in the cohort now.
        read: of these, read in this run; the others were there, unchanged.
        rejected: studies and stand-alone files that could not be used.
        refused: series and files refused in all, localizers of good studies among them.
        why: file, reason and remedy of the first few that could not be used.
    """

    cohort: Cohort
    studies: int
    read: int
    rejected: int
    refused: int
    why: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0: every study used; 1: some or all rejected, see rejects.csv."""
        return 1 if self.rejected else 0

    def as_json(self) -> str:
        """The counts as JSON."""
        counts = {k: v for k, v in vars(self).items() if k != "cohort"}
        return json.dumps({"cohort": str(self.cohort.path), **counts})

    def as_text(self) -> str:
        """One sentence."""
        studies = "1 study" if self.studies == 1 else f"{self.studies} studies"
        text = f"{studies} in {self.cohort.path} ({self.read} read now)"
        if self.rejected:
            more = "\n".join(f"  {line}" for line in self.why)
            return f"{text}, {self.rejected} could not be used (rejects.csv):\n{more}"
        if self.refused:
            return f"{text}; {self.refused} other files or series are in rejects.csv"
        return text


def ingest(
    paths: Sequence[str | Path],
    out: str | Path,
    *,
    workers: int = 2,
    salt: bytes | None = None,
    overwrite: bool = False,
    missing_slices: Literal["warn", "refuse"] = "warn",
    seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Ingested:
    """Read every study under ``paths`` into the cohort ``out``.

    Run it again to go on where it stopped or to add studies: those whose files have not changed
    are not read again, and studies ingested before from elsewhere stay as long as their files do.
    Salt, labels and splits are never touched. The result does not depend on ``workers`` or on the
    order of files.

    Args:
        paths: folders, zips, DICOM or NIfTI files.
        out: cohort folder.
        workers: processes.
        salt: key of the pseudonyms where the cohort has none yet; random by default.
        overwrite: read all studies again.
        missing_slices: what to do about a gap in the slices: ``warn`` notes it, ``refuse`` rejects.
        seconds: limit for one study.
        memory: limit for one worker, bytes of address space.

    Raises:
        MolreError: a path that is not there, nothing in them that could be head CT, phantoms
            beside patients, or an ``out`` that is something else. ``out`` is left as it was.
    """
    folder = Path(out)
    new = _check_folder(folder)
    found = survey([str(p) for p in paths], progress=track)
    if not found.studies:
        raise _nothing(paths, found)
    _refuse_mixture(found, folder)
    try:
        used = open_salt(folder / "salt", salt)
        if overwrite:
            shutil.rmtree(folder / "state", ignore_errors=True)
        run = _Run(folder, used, missing_slices)
        return run.ingest(found, workers, seconds, memory)
    except Exception:
        if new and not (folder / "state").is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        raise  # else what was read stays, for the next run; so it does after Ctrl-C
    finally:
        for part in (folder / "sheet").glob(".*.part"):  # of a worker that was killed
            part.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Run:
    """One ingest into one folder."""

    folder: Path
    salt: bytes
    missing_slices: Literal["warn", "refuse"]

    def ingest(self, found: Survey, workers: int, seconds: float, memory: int) -> Ingested:
        by_file = {state.file_of(self.folder, self.salt, s): s for s in found.studies}
        known, fresh = self._known(by_file)
        rejects = self._read(fresh, known, workers, seconds, memory)
        known, twins = _drop_twins(known)
        usable = {study.key for path, study in by_file.items() if path in known}
        rejects += twins + of_survey(found, usable, self.salt)
        rejects += [reject for kept in known.values() for reject in kept.unreadable]
        table = scans.table(row for kept in known.values() for row in kept.rows)
        write_table(self.folder / "scans.parquet", table)
        write_rejects(self.folder / "rejects.csv", rejects)
        write_facts(self.folder, synthetic=bool(len(table)) and bool(table["synthetic"].all()))
        _sweep_sheets(self.folder, set(table["study"]))
        lost = {r.study or r.file: r for r in sorted(rejects) if r.lost}
        why = tuple(f"{r.file}: {r.reason} ({r.remedy})" for r in list(lost.values())[:SAID])
        read = sum(state.file_of(self.folder, self.salt, s) in known for s in fresh)
        return Ingested(Cohort(self.folder), len(known), read, len(lost), len(rejects), why)

    def _known(self, by_file: dict[Path, Study]) -> tuple[Read, list[Study]]:
        """Studies that need no reading, and those that do."""
        known: Read = {}
        fresh: list[Study] = []
        for path, study in sorted(by_file.items()):
            kept = state.load(path, state.stamp(study, self.missing_slices))
            if kept is None:
                fresh.append(study)
            else:
                known[path] = kept
        for path in sorted((self.folder / "state").glob("*.json")):
            kept = None if path in by_file else state.load(path)
            if kept is not None and all(_is_there(row["files"][0]) for row in kept.rows):
                known[path] = kept
        return known, fresh

    def _read(
        self, fresh: list[Study], known: Read, workers: int, seconds: float, memory: int
    ) -> list[Rejected]:
        """Read studies into ``known``; each is kept in ``state`` as it comes.

        A study whose best series cannot be read, whatever the reason, is tried again with its
        next best one. Returns the rejects of studies that have no series left.
        """
        whole = {study.key: study for study in fresh}
        unreadable: dict[str, list[Rejected]] = {}
        common = (self.salt, self.folder, self.missing_slices)
        while fresh:
            again = []
            results = each(read_study, fresh, common, workers, seconds, memory)
            for study, result in track(results, "reading studies", total=len(fresh)):
                failed = unreadable.setdefault(study.key, [])
                if isinstance(result, RefusedScan):
                    failed.append(Rejected.of_best(study, result, self.salt))
                    if len(study.series) > 1:
                        again.append(replace(study, series=study.series[1:]))
                    continue
                path = state.file_of(self.folder, self.salt, study)
                kept = state.Kept(*_with_failures(result, unreadable.pop(study.key)))
                state.save(path, state.stamp(whole[study.key], self.missing_slices), kept)
                known[path] = kept
            fresh = again
        return [reject for rejects in unreadable.values() for reject in rejects]


def _with_failures(rows: Rows, failed: list[Rejected]) -> tuple[Rows, list[Rejected]]:
    """Say in the reason of the chosen series which better ones could not be read."""
    better = "".join(f"; a better series could not be read: {r.reason}" for r in failed)
    said = [row | {"reason": row["reason"] + better} if row["chosen"] else row for row in rows]
    return said, [replace(r, lost=False) for r in failed]


def _is_there(name: str) -> bool:
    return Path(name.split("!")[0]).is_file()


def _drop_twins(known: Read) -> tuple[Read, list[Rejected]]:
    """Two files without a study UID and with equal pixels are one study: keep the first."""
    first: dict[str, Path] = {}
    twins = []
    for path, kept in sorted(known.items(), key=lambda item: item[1].rows[0]["path"]):
        study, place = kept.rows[0]["study"], kept.rows[0]["path"]
        if first.setdefault(study, path) != path:
            reason = f"has the same pixels as {known[first[study]].rows[0]['path']}"
            twins.append(Rejected(place, study, reason, "keep one of them", lost=False))
    return {path: known[path] for path in first.values()}, twins


def _sweep_sheets(folder: Path, studies: set[str]) -> None:
    """Strips of studies that have left the cohort."""
    for picture in (folder / "sheet").glob("*.jpg"):
        if picture.stem not in studies:
            picture.unlink()


def _check_folder(folder: Path) -> bool:
    """Whether ``out`` is new; refuse a folder that holds something else."""
    if (folder / "cohort.json").is_file():
        Cohort(folder)  # refuses a newer format
        return False
    if folder.exists() and not folder.is_dir():
        raise MolreError("is a file", where=folder, fix="name a folder to write the cohort to")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "salt").is_file():
        raise MolreError(
            "holds other files and is no cohort", where=folder, fix="name a new or empty folder"
        )
    return not (folder / "salt").is_file()


def _refuse_mixture(found: Survey, folder: Path) -> None:
    """Phantoms among patients would make every number of the cohort mean neither."""
    kinds = {series.acquisition.synthetic for study in found.studies for series in study.series}
    if (folder / "cohort.json").is_file():
        kinds |= set(Cohort(folder).scans()["synthetic"])
    if len(kinds) > 1:
        raise MolreError(
            "synthetic phantoms and real scans together",
            where=folder,
            fix="ingest them into a cohort each",
        )


def _nothing(paths: Sequence[str | Path], found: Survey) -> MolreError:
    where = ", ".join(str(p) for p in paths[:3]) + (" ..." if len(paths) > 3 else "")
    if not found.rejects:
        return MolreError("no files there", where=where, fix="give folders with head CT")
    reasons = list(dict.fromkeys(r.reason for r in found.rejects))
    more = f"; and {len(reasons) - 3} more reasons" if len(reasons) > 3 else ""
    fix = found.rejects[0].remedy if len(reasons) == 1 else "give folders with head CT"
    return MolreError(f"no head CT there: {'; '.join(reasons[:3])}{more}", where=where, fix=fix)
