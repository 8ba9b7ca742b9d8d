"""Paths as people give them to a function: a text or a Path, one or several."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from molre.errors import MolreError

Paths = str | Path | Iterable[str | Path]


def as_paths(given: Paths) -> list[Path]:
    """A list of what was given, be it one path or several.

    Raises:
        MolreError: nothing is given, or an empty text, which is not the current folder.
    """
    several = [given] if isinstance(given, (str, Path)) else list(given)
    if not several or "" in several:
        what = "an empty text is not a path" if several else "no path is given"
        raise MolreError(what, fix="give a file or a folder")
    return [Path(path) for path in several]
