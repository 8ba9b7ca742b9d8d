"""Ingest: files as scanners write them to a cohort folder with one table of scans."""

from __future__ import annotations

import functools
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from molre.cohort import studies
from molre.cohort import study_state as state
from molre.cohort.cohort import Cohort, check_name
from molre.cohort.elsewhere import with_known
from molre.cohort.keys import open_salt
from molre.cohort.publish import publish, sweep, sweep_parts
from molre.cohort.read_study import IngestSettings
from molre.cohort.rejects import Rejected
from molre.ct.files.text_names import one_line
from molre.ct.listing import Listing, list_studies
from molre.ct.nifti.hu_map import HuMap
from molre.ct.survey import Unused, nothing_found
from molre.errors import MolreError
from molre.paths import Paths
from molre.progress import track
from molre.shard import Shard
from molre.workers import lock, pool
from molre.workers.count import processes

SAID = 5  # rejected files that the closing sentence names


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
    paths: Paths,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    shard: str | tuple[int, int] | Shard | None = None,
    cache: bool = False,
    hu_map: str | None = None,
    salt: bytes | None = None,
    overwrite: bool = False,
    missing_slices: Literal["warn", "refuse"] = "warn",
    seconds: float = pool.SECONDS,
    memory: int = pool.MEMORY,
) -> Ingested:
    """Read every study under ``paths`` into the cohort ``out``.

    Run it again to resume where it stopped or to add studies: those whose files have not changed
    are not read again, and studies ingested before from elsewhere stay as long as their files do.
    Salt, labels and splits are never touched. The result depends neither on ``workers``, shards
    or the scheduler, nor on the order of files. Several runs may work on one cohort at a time.

    Args:
        paths: folders, archives, DICOM or NIfTI files; one or several.
        out: cohort folder.
        workers: processes on this machine; one for each core by default.
        scheduler: address of a Dask scheduler, ``tcp://host:port``, whose workers read instead;
            they must see ``paths`` and ``out`` under the same names.
        shard: ``"3/8"`` or ``(3, 8)``, read only the third of eight parts of the studies.
        cache: keep the chosen series in ``out/volumes``.
        hu_map: how the values of a NIfTI that is not in HU become HU, see
            ``molre.ct.nifti.hu_map``.
        salt: key of the pseudonyms where the cohort has none yet; random by default.
        overwrite: read all studies under ``paths`` again.
        missing_slices: what to do about a gap in the slices: ``warn`` notes it, ``refuse`` rejects.
        seconds: limit for one study.
        memory: limit for one worker, bytes of address space.

    Raises:
        MolreError: a path that is not there, nothing in them that could be head CT, phantoms
            beside patients, or an ``out`` that is something else. ``out`` is left as it was.

    Examples:
        >>> import molre
        >>> done = molre.ingest("phantoms", "cohort")  # written by molre phantom -o phantoms
        >>> done.studies, done.rejected
        (6, 0)
    """
    if out == "":
        raise MolreError("an empty text is not a folder", fix="name a cohort folder")
    part, folder = Shard.of(shard), Path(os.path.abspath(out))
    new = _check_folder(folder)
    listing = list_studies(paths, progress=track)
    if not listing.studies:
        raise nothing_found(listing.rejects, listing.where)
    _refuse_mixture(listing, folder)
    values = HuMap.parse(hu_map) if hu_map else None
    each = _each(scheduler, workers, seconds, memory)
    try:
        with lock.sharing(folder) as held:
            try:
                used = open_salt(folder / "salt", salt)
                how = IngestSettings(folder, used, missing_slices, cache, values)
                return _read(with_known(listing, how), how, each, part, overwrite, held)
            finally:
                if lock.is_alone(held):
                    sweep_parts(folder)
    except MolreError:
        if new and part.is_whole and not (folder / "cohort.json").is_file():
            shutil.rmtree(folder, ignore_errors=True)
        raise  # else what was read stays, for the next run; so it does after Ctrl-C


def _read(
    listing: Listing,
    how: IngestSettings,
    each: studies.Each,
    shard: Shard,
    overwrite: bool,
    held: int,
) -> Ingested:
    """Read what is not read yet, and write the tables; ``held`` is the cohort's lock."""
    chosen = [state.settled(s, how) for s in studies.mine(listing.studies, shard)]
    fresh = [s for s in chosen if overwrite or not state.is_read(s, how)]
    read, unreadable = studies.read_all(fresh, how, each)
    current = {state.file_of(how, state.settled(s, how)) for s in listing.studies}
    state.forget_outdated(how.out, listing, current)
    known = read + unreadable + len(chosen) - len(fresh)
    if not known and shard.is_whole and not (how.out / "cohort.json").is_file():
        raise nothing_found(_unused(listing, how), listing.where)
    loose = [Rejected.of_file(r, how.salt, used=False) for r in listing.rejects]
    with lock.in_turn(how.out):
        done = publish(how.out, loose)
    if lock.is_alone(held):
        sweep(how.out, done.studies)
    lost = {r.study or r.file: r for r in done.rejects if r.lost}
    said = (f"{r.file}: {r.reason} ({r.remedy})" for r in list(lost.values())[:SAID])
    why = tuple(one_line(words) for words in said)
    count = len(done.studies)
    return Ingested(Cohort(how.out), count, read, len(lost), len(done.rejects), why)


def _each(scheduler: str | None, workers: int | None, seconds: float, memory: int) -> studies.Each:
    if scheduler is None:
        count = processes(workers)
        return functools.partial(pool.each, workers=count, seconds=seconds, memory=memory)
    from molre.workers import cluster

    return functools.partial(cluster.each, address=scheduler, seconds=seconds)


def _unused(listing: Listing, how: IngestSettings) -> list[Unused]:
    kept = (state.load(state.file_of(how, listed)) for listed in listing.studies)
    return [*(reject for one in kept if one for reject in one.rejects), *listing.rejects]


def _check_folder(folder: Path) -> bool:
    """Whether ``out`` is new; refuse a folder that holds something else."""
    check_name(folder)
    if (folder / "cohort.json").is_file():
        _ = Cohort(folder).salt  # refuses a newer format, and a salt that is lost or another one
        return False
    if folder.exists() and not folder.is_dir():
        raise MolreError("is a file", where=folder, fix="name a folder to write the cohort to")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "lock").is_file():
        raise MolreError(
            "holds other files and is not a cohort", where=folder, fix="name a new or empty folder"
        )
    return not (folder / "lock").is_file()


def _refuse_mixture(listing: Listing, folder: Path) -> None:
    """Phantoms among patients would make every number of the cohort mean neither."""
    kinds = {study.synthetic for study in listing.studies}
    if (folder / "cohort.json").is_file():
        kinds |= set(Cohort(folder).scans()["synthetic"])
    if len(kinds) > 1:
        raise MolreError(
            "synthetic phantoms and real scans together",
            where=folder,
            fix="ingest each into a cohort of its own",
        )
