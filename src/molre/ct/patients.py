"""Whose files they are: the parts of one examination, told apart by patient.

Patient ID (0010,0020), where it is stated, tells studies apart: a Study Instance UID that two
patients share is a study of each of them, and a series that two patients share is refused, as
nobody can say whose slices it holds. One ID has many spellings (case, spaces, padding by zeros,
full-width digits; its issuer is another element), and where it is missing, or says only that it was
removed, name, birth date and sex tell instead, see ``molre.ct.persons``. So do they where all of
them contradict one ID.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from molre.ct.files.compact_paths import Names
from molre.ct.persons import Person, are_surely_two, are_two

_NOBODY = {  # what is written where there is no ID
    "", "anon", "anonym", "anonymous", "anonymized", "anonymised", "deidentified", "de-identified",
    "unknown", "none", "null", "nan", "na", "n/a", "removed", "undefined", "redacted", "deleted",
    "noid", "nopatientid", "notavailable", "notapplicable", "notspecified", "unspecified",
    "anonyme", "anonymis\u00e9", "anonimo", "an\u00f3nimo", "anonymisiert", "unbekannt", "inconnu",
    "desconocido", "sconosciuto", "entfernt",
}  # fmt: skip
_FILLER = re.compile(r"([*#?._/\-])\1*|x{3,}")  # "---", "xxxx"
_MARK = "\0patient "  # no UID and no path holds a NUL
_PERSON = "\0person "
SHARED = (
    "its Series Instance UID belongs to two patients",
    "give the series of each patient a UID of its own",
)
WHOSE = (
    "two patients share its Study Instance UID, and it names neither",
    "write its Patient ID, or give the study of each patient a UID of its own",
)


@lru_cache(maxsize=1024)
def same(patient_id: str) -> str:
    """What all spellings of a Patient ID have in common; empty where it names nobody."""
    bare = "".join(unicodedata.normalize("NFKC", patient_id).casefold().split()).replace("\0", "")
    bare = bare.lstrip("0") if bare.isdigit() else bare
    return "" if bare in _NOBODY or _FILLER.fullmatch(bare) else bare


def stated_uid(uid: str | None) -> str | None:
    """A UID that names something; None where there is none, or a word or zeros in its place."""
    return uid if uid and same(uid.replace(".", "")) else None


def study_uid(key: str) -> str | None:
    """Study Instance UID that a study's key is made of; None where it has none."""
    return None if key.startswith("path:") else place_of(key)


def place_of(key: str) -> str:
    """The key that the patients share: a Study Instance UID, or ``path:`` and a folder."""
    return key.split(_MARK)[0]


def key_of(place: str, patient: str) -> str:
    """Key of one patient's study where several patients share its UID, or its folder."""
    return f"{place}{_MARK}{hashlib.sha256(patient.encode(errors='surrogatepass')).hexdigest()}"


@dataclass
class Part:
    """Files of one patient in one study, as they are found.

    Attributes:
        names: of the files, by series where they name no patient.
        series: Series Instance UIDs.
        spelled: their Patient IDs, as written.
        synthetic: there is a phantom among them.
    """

    names: dict[str, Names] = field(default_factory=dict)
    series: set[str] = field(default_factory=set, repr=False)
    spelled: set[str] = field(default_factory=set, repr=False)
    synthetic: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its Patient IDs, the shortest first."""
        return tuple(sorted(self.spelled, key=lambda name: (len(name), name)))

    @property
    def files(self) -> Names:
        """All of them."""
        if len(self.names) == 1:
            return next(iter(self.names.values()))
        return _joined(self.names.values())


class Parts:
    """Files by study and patient; a study that no two patients share stays whole."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[tuple[str, Person], Part]] = defaultdict(dict)

    def __len__(self) -> int:
        """How many studies."""
        return len(self._parts)

    def add(
        self,
        place: str,
        entry: str,
        patient_id: str | None,
        series: str | None,
        synthetic: bool,
        who: Person = Person(),
    ) -> None:
        """Add a file.

        Args:
            place: StudyInstanceUID, or ``path:`` and the folder where there is none.
            entry: its name.
            patient_id: as its header has it.
            series: SeriesInstanceUID.
            synthetic: it was written by ``molre phantom``.
            who: the person that its header names.
        """
        patient = same(patient_id or "")
        parts = self._parts[place]
        part = parts.get((patient, who)) or parts.setdefault((patient, who), Part())
        if series:
            part.series.add(series)
        if patient and patient_id:
            part.spelled.add(patient_id)
        part.synthetic |= synthetic
        group = "" if patient else series or ""
        names = part.names.get(group)
        if names is None:
            names = part.names[group] = Names()
        names.add(entry)

    def studies(self) -> Iterator[tuple[str, Part]]:
        """Key and files of each study; those of ``refused`` are in none."""
        for place, by_person in self._parts.items():
            stated, nobody = _told_apart(by_person)
            if len(stated) < 2:
                yield place, _whole([*stated.values(), nobody])
                continue
            mixed = _mixed(stated)
            for patient, part in stated.items():
                if patient not in mixed:
                    theirs = {s: n for s, n in nobody.names.items() if s and s in part.series}
                    mine = {patient: part.files, **theirs}
                    joined = Part(mine, part.series, part.spelled, part.synthetic)
                    yield key_of(place, patient), joined

    def refused(self) -> Iterator[tuple[str, str, tuple[str, str]]]:
        """Entry, key and (reason, remedy) of the files that cannot be given to one patient."""
        for place, by_person in self._parts.items():
            stated, nobody = _told_apart(by_person)
            if len(stated) < 2:
                continue
            mixed = _mixed(stated)
            for patient in sorted(mixed):
                key = key_of(place, patient)
                yield from ((file, key, SHARED) for file in stated[patient].files)
            good = [part.series for patient, part in stated.items() if patient not in mixed]
            for series, names in nobody.names.items():
                if not any(series and series in known for known in good):
                    yield from ((file, place, WHOSE) for file in names)


def _told_apart(by_person: dict[tuple[str, Person], Part]) -> tuple[dict[str, Part], Part]:
    """The files of each patient of a study, and those that name nobody."""
    people: dict[str, list[Person]] = {}
    parts: dict[str, list[Part]] = defaultdict(list)
    nobody: list[Part] = []
    # who states most comes first, so that the order of files is no matter
    for patient, who in sorted(
        by_person, key=lambda one: (not one[0], -one[1].stated, one[1].words)
    ):
        whose = _whose(patient, who, people)
        if whose is None:
            nobody.append(by_person[patient, who])
            continue
        people.setdefault(whose, []).append(who)
        parts[whose].append(by_person[patient, who])
    return {whose: _together(some) for whose, some in parts.items()}, _together(nobody)


def _whose(patient: str, who: Person, people: dict[str, list[Person]]) -> str | None:
    """Which patient a file is of, a new one where it is of no known one; None if nobody can say."""
    if patient:
        known = [one for one in people if one.split(_PERSON)[0] == patient]
        for one in known:
            if not any(are_surely_two(who, other) for other in people[one]):
                return one
        return f"{patient}{_PERSON}{who.words}" if known else patient
    if not who.stated:
        return None
    maybe = [one for one, theirs in people.items() if not any(are_two(who, p) for p in theirs)]
    if not maybe:
        return f"{_PERSON}{who.words}"
    return maybe[0] if len(maybe) == 1 and maybe[0].startswith(_PERSON) else None


def _together(some: list[Part]) -> Part:
    """Parts as one, their files by series as before."""
    if len(some) == 1:
        return some[0]
    names: dict[str, list[Names]] = defaultdict(list)
    for part in some:
        for series, files in part.names.items():
            names[series].append(files)
    return Part(
        {series: _joined(files) for series, files in names.items()},
        set[str]().union(*(part.series for part in some)),
        set[str]().union(*(part.spelled for part in some)),
        any(part.synthetic for part in some),
    )


def _mixed(stated: dict[str, Part]) -> set[str]:
    """Patients that share a series with another one."""
    owners: dict[str, list[str]] = defaultdict(list)
    for patient, part in stated.items():
        for series in part.series:
            owners[series].append(patient)
    return {patient for those in owners.values() if len(those) > 1 for patient in those}


def _whole(parts: list[Part]) -> Part:
    first, *more = [part for part in parts if part.names]
    if not more:
        return first
    series, spelled = set[str](), set[str]()
    for part in parts:
        series |= part.series
        spelled |= part.spelled
    names = {str(number): part.files for number, part in enumerate(parts) if part.names}
    return Part(names, series, spelled, any(part.synthetic for part in parts))


def _joined(all_names: Iterable[Names]) -> Names:
    joined = Names()
    for names in all_names:
        for name in names:
            joined.add(name)
    return joined
