"""Which studies are one patient's, across a cohort, and what the headers leave in doubt.

Each study goes by the Patient ID in the header. One ID has many spellings (``molre.ct.patients``),
and a patient who counted as two would be trained and tested on: all spellings have one key, the one
that is in splits.csv already where there is one. Names and birth dates never join or part
patients, as they may be dummies; where they contradict the IDs, that is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from molre.cohort.keys import pseudonym
from molre.ct.listing import StudyFiles
from molre.ct.patients import same
from molre.ct.persons import Person

_DUMMY = 3  # patients of one name and birth date, at most; of more it is one that was made up


def of_whom(listed: StudyFiles, who: Person, salt: bytes) -> dict[str, Any]:
    """Columns of scans.parquet that say whose a study is, all of them HMACs."""
    one = same(listed.patients[0]) if listed.patients else ""
    named = f"{' '.join(who.name)} {who.birth}" if who.name and who.birth else ""
    return {
        "patient_ids": sorted(pseudonym(salt, "patient", name) for name in listed.patients),
        "person": pseudonym(salt, "person", one) if one else None,
        "namesake": pseudonym(salt, "namesake", named) if named else None,
        "born": pseudonym(salt, "born", f"{one} {who.birth}") if one and who.birth else None,
    }


def one_key(patients: dict[str, set[str]], folder: Path) -> dict[str, str]:
    """The key that replaces each of those that one person has.

    Args:
        patients: keys by person.
        folder: of the cohort, whose splits.csv may hold one of them.
    """
    several = {person: keys for person, keys in patients.items() if len(keys) > 1}
    frozen = _frozen(folder / "splits.csv") if several else set()
    return {key: min(keys & frozen or keys) for keys in several.values() for key in keys}


def _frozen(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # which `molre split` will say
        return set()
    return {line.split(",")[0] for line in lines[1:]}


def doubts(scans: pl.DataFrame) -> list[str]:
    """What may be wrong about who is who, a sentence each; none of a cohort that is older."""
    columns = ("study", "patient", "patient_ids", "namesake", "born")
    known = scans.select(columns).filter(pl.col("patient_ids").is_not_null())
    rows = list({row[0]: row for row in known.iter_rows()}.values())
    ids, births, names = (defaultdict[str, set[str]](set) for _ in range(3))
    for _, patient, spelled, namesake, born in rows:
        ids[patient] |= set(spelled)
        births[patient] |= {born} - {None}
        if namesake:
            names[namesake].add(patient)
    alike = [theirs for theirs in names.values() if 1 < len(theirs) <= _DUMMY]
    found = [
        _nameless(sum(not spelled for _, _, spelled, *_ in rows), len(rows)),
        _some(_several(ids.values()), "written in several ways (case, spaces, leading zeros): "
              "each counts as one"),
        _some(_several(births.values()), "listed with several birth dates under one Patient ID: "
              "is it one person?"),
        _some(sum(map(len, alike)), "listed with the name and birth date of another, under "
              "another Patient ID: one person in two splits would be trained and tested on"),
    ]  # fmt: skip
    return [words for words in found if words]


def _several(sets: Iterable[set[str]]) -> int:
    return sum(len(one) > 1 for one in sets)


def _some(count: int, words: str) -> str:
    if not count:
        return ""
    return f"1 patient is {words}" if count == 1 else f"{count} patients are {words}"


def _nameless(count: int, studies: int) -> str:
    if not count:
        return ""
    some = f"all {count}" if count == studies else f"{count} of {studies}"
    return (
        f"{some} studies have no Patient ID that identifies anyone: each, or all that share a "
        "word such as ANONYMOUS, count as one patient, even if they are several people's"
    )
