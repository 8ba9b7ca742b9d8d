"""What a prediction was made from, so that an old one is never passed off as the current one.

It stays only where the scan's files (place, size, times of content and of status) and all that
decides the answer (model, molre, the map to HU) are the same. A file that is exchanged with its
time kept still changes its status time (``ctime``). Only the hash is written, so no name is
disclosed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from molre.ct.volume import study_folder_name
from molre.errors import MolreError
from molre.model.prediction import Prediction
from molre.output.prediction.json_file import read_prediction


def made_from(entries: Iterable[str], *settings: str) -> str | None:
    """Hex SHA-256 of the files and settings; None where a file cannot be looked at.

    Args:
        entries: all files of a study; within an archive ``ARCHIVE!NAME``.
        settings: all else that decides the answer.
    """
    known: dict[str, tuple[int, ...]] = {}
    try:
        rows = [[entry, *_state(entry, known)] for entry in sorted(set(entries))]
    except OSError:
        return None
    return hashlib.sha256(json.dumps([rows, settings]).encode()).hexdigest()


def _state(entry: str, known: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Size and times of the file, or of the archive it lies in."""
    for path in _places(entry):
        if path in known:
            return known[path]
        if os.path.isfile(path):
            found = os.stat(path)
            known[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            return known[path]
    raise FileNotFoundError(entry)


def _places(entry: str) -> Iterator[str]:
    """The entry itself, then what stands before each ``!`` of it, the longest first."""
    yield entry
    while "!" in entry:
        entry = entry.rpartition("!")[0]
        yield entry


class Former:
    """The predictions that are in a folder already.

    Args:
        out: the folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = out

    def find(self, key: str, source: str | None, even_if_withheld: bool) -> Prediction | None:
        """The answer that would only be made again; None where there is none.

        Args:
            key: of the study.
            source: what it would be made from now.
            even_if_withheld: probabilities of withheld scans are asked for.
        """
        if source is None:
            return None
        found = self._read(self.out / study_folder_name(key))
        if found is None or found.made_from != source:
            found = self._read(self._by_source[source]) if source in self._by_source else None
        if found is None or found.made_from != source or found.status == "refused":
            return None
        alike = found.status == "scored" or bool(found.findings) == even_if_withheld
        return found if alike and (self.out / found.study / "report.html").is_file() else None

    def forget_refusal(self, key: str) -> None:
        """Remove a former refusal of a study that is answered now; it may lie in another folder."""
        folder = self.out / study_folder_name(key)
        found = self._read(folder)
        if found is not None and found.status == "refused":
            for name in ("prediction.json", "report.html"):
                (folder / name).unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()

    @cached_property
    def _by_source(self) -> dict[str, Path]:
        """Folders of studies without a UID, which are named by their pixels."""
        found = {}
        for path in self.out.glob("*/prediction.json"):
            try:
                source = json.loads(path.read_bytes()).get("made_from")
            except (OSError, ValueError, AttributeError):
                continue
            if isinstance(source, str):
                found[source] = path.parent
        return found

    def _read(self, folder: Path) -> Prediction | None:
        try:
            prediction = read_prediction(folder / "prediction.json")
        except (OSError, ValueError, MolreError):
            return None
        return prediction if prediction.study == folder.name else None
