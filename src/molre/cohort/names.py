"""Who is meant: the study that a name in a label table stands for, or why it stands for none.

A study goes by its key, its Study Instance UID, a Series Instance UID, its whole accession number,
its patient's ID where that patient has no other study here, or a path, see
``molre.cohort.folders``. All but paths are compared as HMACs under the cohort's salt. A name is
never cut: the end of ``CT/2022/0012`` is another study's accession number.

An ID of a patient may be an accession number of somebody else: the column's name says which it is.
Where it says neither, a patient's ID that is a bare number counts only if no name of the table is
anything else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from molre.cohort.folders import Folders
from molre.cohort.keys import pseudonym
from molre.ct.patients import same as whoever
from molre.labels.spellings import guesses, is_number, is_scientific, same

_OF_PATIENTS = re.compile("patient|subject|participant|person|mrn", re.I)
_OF_STUDIES = re.compile("accession|uid|series|file|path", re.I)
_HASHED = 2  # aliases of a study, at most: UID and accession number


class Names:
    """All names of a cohort's studies.

    Args:
        scans: its table.
        salt: its key.
        column: the heading of the names that are looked up.
        names: those.
    """

    def __init__(self, scans: pl.DataFrame, salt: bytes, column: str, names: Iterable[str]) -> None:
        self._salt, self._folders = salt, Folders(scans)
        self._studies, self._patients = _studies(scans, salt), _patients(scans)
        self._of_patients = bool(_OF_PATIENTS.search(column))
        self._patients_too = self._of_patients or not _OF_STUDIES.search(column)
        given = list(names)
        self._foreign = self._folders.foreign(given)
        self._numbers_too = self._of_patients
        self._numbers_too = self._numbers_too or not any(self.studies(name) for name in given)

    def studies(self, name: str) -> set[str]:
        """The studies that go by a name."""
        found = self._named(name)
        if self._patients_too and (self._numbers_too or not is_number(name)):
            theirs = self._of_patient(name)
            return found | theirs if len(theirs) == 1 else found
        return found

    def notes(self, names: Iterable[str]) -> list[str]:
        """What was taken for granted about names that were found, a sentence each."""
        notes = []
        if self._patients_too and not self._of_patients:
            given = list(names)
            ids = [name for name in given if not self._named(name)]
            either = [n for n in given if (own := self._named(n)) and self._of_patient(n) - own]
            if ids:
                notes.append(
                    f"{_rows(ids)} taken as the ID of a patient: if it is an accession number, "
                    "call the column accession"
                )
            if either:
                notes.append(
                    f"{_rows(either)} both the name of a study and the ID of a patient with "
                    "another study: taken as the study; if it is a patient, call the column "
                    "patient_id"
                )
        if self._foreign:
            notes.append(
                f"no path is on this machine: what follows /{'/'.join(self._foreign)} was compared"
            )
        return notes

    def hint(self, name: str) -> str:
        """Why a name that stands for no study may be none, and what to write; empty if unknown."""
        return next(self._hints(name), "")

    def _hints(self, name: str) -> Iterator[str]:
        theirs = self._of_patient(name)
        if len(theirs) > 1:
            yield f"this patient has {len(theirs)} studies here: name each by its accession number"
        elif theirs:
            yield "a patient with this ID has a study here: call the column patient_id"
        path = self._folders.within(name)
        if path:
            yield f"a folder of this name leads to a study, and may lead to others: write {path}"
        for other, how in guesses(name):
            if self._is_known(other):
                yield f"the cohort has {other!r}: {how}"
        last = re.split(r"[/\\]", name)[-1]
        if last != name and self._is_known(last):
            yield f"the cohort has {last!r}, which is only the end of this name"
        if not whoever(name):
            yield "such a word identifies no study and no patient"
        if is_scientific(name):
            yield "it became a number in scientific notation, and digits were lost"

    def _named(self, name: str) -> set[str]:
        """The studies that go by an identifier of their own, or by a path."""
        paths = set[str]().union(*(self._folders.studies(n, self._foreign) for n in same(name)))
        return self._by_identifier(name) | paths

    def _is_known(self, name: str) -> bool:
        return bool(
            self._by_identifier(name) | self._of_patient(name) | self._folders.studies(name)
        )

    def _by_identifier(self, name: str) -> set[str]:
        for one in same(name):
            key, series = (pseudonym(self._salt, kind, one) for kind in ("study", "series"))
            found = self._studies.get(one, set()) | self._studies.get(key, set())
            found |= self._studies.get(series, set())
            if self._of_patients:  # an accession number is not meant
                found &= {one, key} | self._studies.get(series, set())
            if found:
                return found
        return set()

    def _of_patient(self, name: str) -> set[str]:
        keys = (pseudonym(self._salt, "patient", one) for one in same(name))
        return next((found for key in keys if (found := self._patients.get(key))), set())


def _rows(names: list[str]) -> str:
    return f"{names[0]!r} is" if len(names) == 1 else f"{names[0]!r} and {len(names) - 1} more are"


def _studies(scans: pl.DataFrame, salt: bytes) -> dict[str, set[str]]:
    """Studies of every key that stands for their identifiers: their own, aliases and series."""
    known: dict[str, set[str]] = defaultdict(set)
    whole = scans.group_by("study").agg("series", "aliases", "files")
    for study, series, aliases, names in whole.iter_rows():
        hashed = {alias for some in aliases for alias in some or ()}
        files = [name for some in names for name in some or ()]
        for key in (study, *series, *_identifiers(hashed, files, salt)):
            known[key].add(study)
    return known


def _patients(scans: pl.DataFrame) -> dict[str, set[str]]:
    """All studies of a patient, by the key of each spelling of the Patient ID that is there."""
    theirs: dict[str, set[str]] = defaultdict(set)
    spelled: dict[str, set[str]] = defaultdict(set)
    for patient, ids, study in scans.select("patient", "patient_ids", "study").iter_rows():
        theirs[patient].add(study)
        for key in [patient] if ids is None else ids:  # older cohorts have no spellings
            spelled[key].add(patient)
    return {key: set[str]().union(*(theirs[p] for p in those)) for key, those in spelled.items()}


def _identifiers(aliases: set[str], names: list[str], salt: bytes) -> set[str]:
    """Aliases without those of folders and files, which older cohorts have among them."""
    if len(aliases) <= _HASHED:
        return aliases
    cut = set[str]()
    for name in names:
        outer, _, inner = name.partition("!")
        folder = Path(inner or outer).parent
        cut |= {folder.name, folder.parent.name, outer, Path(outer).name}
        cut |= {Path(outer).name.split(".")[0], *(str(above) for above in Path(outer).parents)}
    return aliases - {pseudonym(salt, "study", name) for name in cut}
