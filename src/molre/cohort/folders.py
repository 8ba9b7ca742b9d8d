"""Which paths name a study: those of which the study's own folder is a part.

A study's own folder is known by where the other studies lie: it is the highest folder that holds
this study alone, below one that holds others as well; what lies between that one and the innermost
folder; and what stands at the same height where it is known for another study (as the common folder
of several series is). The innermost folder may be a series', and "7" or "CT Plain" say nothing of
whose.

A path names a study if it is a piece of the study's path and its own folder is in it; a whole path
on this machine does so without; a path of another machine does so by what follows the part that
all paths of the table begin with. A number alone names no folder. A NIfTI is a study, and its name
without suffix one of the study's.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from molre.ct.files.text_names import on_disk, written
from molre.labels.spellings import folded, is_number

Parts = tuple[str, ...]
_SUFFIXES = (
    ".nii.gz", ".nii", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".tbz2", ".txz",
    ".dcm", ".dicom", ".ima",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a study lies.

    Attributes:
        paths: of its folders, or of the file that is all of a series, from the root.
        common: how many parts they have in common.
        file: one of the paths is that of a file.
        nifti: it is a NIfTI.
    """

    paths: tuple[Parts, ...]
    common: int
    file: bool = False
    nifti: bool = False

    @classmethod
    def of(cls, series: Iterable[tuple[str, Sequence[str]]]) -> Place:
        """Of each of its series, the folder or archive that it lies in, and its files."""
        paths, file = set[Parts](), False
        for place, names in series:
            file |= len(names) == 1
            ends = set(names) if len(names) == 1 else {_folder(name, place) for name in names}
            paths |= {_parts(end, place) for end in ends}
        first = min(paths)
        nifti = len(paths) == 1 and first[-1].lower().endswith((".nii", ".nii.gz"))
        return cls(tuple(sorted(paths)), len(_common(list(paths))), file, nifti)

    @property
    def innermost(self) -> int:
        """Where the folder stands that files lie in; 0 for a NIfTI, which has no series' folder."""
        is_file = len(self.paths) == 1 and self.file
        return 0 if self.nifti else self.common - (2 if is_file else 1)

    @property
    def folder(self) -> Parts:
        """What all of its paths begin with."""
        return self.paths[0][: self.common]


class Folders:
    """The places of all studies of a cohort."""

    def __init__(self, scans: pl.DataFrame) -> None:
        series: dict[str, list[tuple[str, Sequence[str]]]] = defaultdict(list)
        for study, place, names in scans.select("study", "path", "files").iter_rows():
            if names:
                series[study].append((place or "", names))
        self.places = {study: Place.of(all_of_it) for study, all_of_it in series.items()}
        self._holders = _holders(self.places)
        self._top = {s: top for s, place in self.places.items() if (top := self._top_of(s, place))}
        self._heights = self._known_heights()
        self._own = {study: set(self._own_of(study)) for study in self.places}
        own = ((s, self.places[s].folder[n]) for s, depths in self._own.items() for n in depths)
        self._by_own, alone = _index(own), len(self.places) == 1
        ends = {s: p.folder[-1] for s, p in self.places.items() if p.folder and (p.nifti or alone)}
        self._by_end = _index(ends.items())

    def studies(self, name: str, foreign: Parts = ()) -> set[str]:
        """The studies that a path or a folder's name names.

        Args:
            name: with either kind of slash.
            foreign: what all paths of the table begin with, where it was made elsewhere.
        """
        parts = split_path(name)
        if not parts:
            return set()
        if is_absolute(name):
            if whole := self.by_whole_path(parts):
                return {whole}
            if not foreign or parts[: len(foreign)] != foreign:
                return set()
            parts = parts[len(foreign) :]
        maybe = set[str]().union(*(self._by_own.get(part, ()) for part in parts))
        ends = self._by_end.get(parts[-1], set()) if parts else set()
        return {s for s in maybe if self._is_piece(s, parts)} | {
            s for s in ends if self._is_end(s, parts)
        }

    def by_whole_path(self, parts: Parts) -> str | None:
        """The study that a whole path on this machine leads to, and to no other."""
        study = self._holders.get(parts)
        if not study:
            return None
        least = self._top.get(study, self.places[study].common - 1)
        return study if len(parts) > least else None

    def foreign(self, names: Iterable[str]) -> Parts:
        """What all whole paths begin with, if none of them is one of this machine."""
        given = [split_path(name) for name in names if is_absolute(name)]
        if not given or any(self.by_whole_path(parts) for parts in given):
            return ()
        return _common([parts[:-1] for parts in given])

    def within(self, name: str) -> str | None:
        """A path that is enough, where a folder of this name is on the way to a study."""
        return self._on_the_way.get(folded(name))

    @cached_property
    def _on_the_way(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for study, place in self.places.items():
            first, whole = self._top.get(study, 0), "/".join(place.folder)
            for part in {part for parts in place.paths for part in parts[first:]}:
                for spelled in _spellings(part):
                    found.setdefault(spelled, written(f"/{whole}"))
        return found

    def _top_of(self, study: str, place: Place) -> int | None:
        """Where on its path the highest folder stands that holds it alone, below one of more."""
        if not place.folder or self._holders[place.folder] != study:
            return None
        shared = [n for n in range(1, place.common) if not self._holders[place.folder[:n]]]
        return shared[-1] if shared else None

    def _certain(self, study: str) -> Iterator[int]:
        """Its own folders that are known without any other study's."""
        place = self.places[study]
        if len(place.paths) > 1 and place.folder and self._holders[place.folder] == study:
            yield place.common - 1
        if study in self._top:
            yield self._top[study]

    def _known_heights(self) -> dict[Parts, set[int]]:
        """For every folder, where on the paths below it a study's own folder stands for certain."""
        known: dict[Parts, set[int]] = defaultdict(set)
        for study, place in self.places.items():
            certain = set(self._certain(study))
            for n in range(place.common):
                known[place.folder[:n]] |= certain
        return known

    def _own_of(self, study: str) -> Iterator[int]:
        yield from self._certain(study)
        top, place = self._top.get(study), self.places[study]
        if top is not None:
            heights = self._heights[place.folder[:top]]
            between = range(top + 1, place.innermost)
            yield from (n for n in range(top, place.common) if n in heights or n in between)

    def _is_piece(self, study: str, parts: Parts) -> bool:
        """A piece of the study's path with its own folder in it, which is more than a number."""
        if all(is_number(part) for part in parts) and not self._is_numbered(study, parts):
            return False
        return any(
            _agree(parts, path[at : at + len(parts)])
            for path in self.places[study].paths
            for at in range(len(path) - len(parts) + 1)
            if any(at <= own < at + len(parts) for own in self._own[study])
        )

    def _is_numbered(self, study: str, parts: Parts) -> bool:
        """A NIfTI called by a number, in a folder of others."""
        place = self.places[study]
        return place.nifti and len(parts) == 1 and self._top.get(study) == place.common - 1

    def _is_end(self, study: str, parts: Parts) -> bool:
        """The end of a NIfTI's path; or of the path of the only study, if it is more than a name.

        Where there is one study, nobody can say which of its folders is its own.
        """
        place = self.places[study]
        if all(is_number(part) for part in parts) or (len(parts) == 1 and not place.nifti):
            return False
        return _agree(parts, place.folder[-len(parts) :])


def _holders(places: dict[str, Place]) -> dict[Parts, str]:
    """The study that a folder or file holds; empty where it holds several."""
    holders: dict[Parts, str] = {}
    for study, place in places.items():
        ends = {(*path[:-1], end) for path in place.paths for end in _spellings(path[-1])}
        above = {path[:n] for path in place.paths for n in range(1, len(path))}
        for parts in ends | above:
            holders[parts] = study if holders.setdefault(parts, study) == study else ""
    return holders


def _index(named: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for study, part in named:
        for spelled in _spellings(part):
            found[spelled].add(study)
    return dict(found)


def split_path(name: str) -> Parts:
    """Parts of a path with either kind of slash, without drive."""
    parts = [folded(part) for part in re.split(r"[/\\]+", name)]
    return tuple(part for part in parts if part not in ("", ".") and not _is_drive(part))


def is_absolute(name: str) -> bool:
    """Whether a path begins at a root, of any system."""
    return name.startswith(("/", "\\")) or _is_drive(name[:2])


def _is_drive(part: str) -> bool:
    return bool(re.fullmatch("[A-Za-z]:", part))


def _folder(name: str, place: str) -> str:
    """The folder that a file lies in, or the archive."""
    return name[: max(name.rfind("/"), len(place) if name.startswith(f"{place}!") else 0)]


def _parts(name: str, place: str) -> Parts:
    """An archive is a folder of what it holds."""
    inside = name.startswith(f"{place}!")
    whole = f"{place}/{name[len(place) + 1 :]}" if inside else name
    return tuple(folded(part) for part in re.split(r"[/\\]", on_disk(whole)) if part)


def _spellings(part: str) -> tuple[str, ...]:
    """A folder's or a file's name, and the latter without its suffix."""
    for suffix in _SUFFIXES:
        if part.lower().endswith(suffix) and len(part) > len(suffix):
            return part, part[: -len(suffix)]
    return (part,)


def _common(paths: Sequence[Parts]) -> Parts:
    first, last = min(paths), max(paths)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((at for at, (a, b) in pairs if a != b), min(len(first), len(last)))]


def _agree(given: Parts, path: Parts) -> bool:
    return len(given) == len(path) and all(
        mine in _spellings(theirs) for mine, theirs in zip(given, path, strict=True)
    )
