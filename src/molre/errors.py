"""What molre says when something is wrong: what happened, where, and how to fix it.

Exit codes (every verb): 0 done, 1 some or all scans rejected, 2 nothing readable, nothing
matched or wrong usage, 130 interrupted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class MolreError(Exception):
    """A user-facing error: one sentence that names the thing, the place and the remedy.

    Args:
        what: what is wrong, without a trailing full stop, e.g. ``"value 7 is not 0, 1 or empty"``.
        where: file, folder, series or option it was found in.
        fix: what to do about it, as an imperative, without a trailing full stop.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | Path | None = None, fix: str | None = None):
        self.what = what
        self.where = str(where) if where is not None else None
        self.fix = fix
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The sentence that is printed: ``where: what. fix.``"""
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}.{_sentence(self.fix)}"

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process borders with all three parts (workers raise these)."""
        return (_rebuild, (type(self), self.what, self.where, self.fix))


class RefusedScan(MolreError):
    """A file, series or study that molre will not read as head CT; ends as a row of rejects.csv."""

    exit_code = 1


def _sentence(fix: str | None) -> str:
    if not fix:
        return ""
    if fix.startswith("molre "):
        return f" Run: {fix}"
    return f" {fix[0].upper()}{fix[1:]}."


def _rebuild(kind: type[MolreError], what: str, where: str | None, fix: str | None) -> MolreError:
    return kind(what, where=where, fix=fix)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'?"`` style remedy for a misspelt name, or the list of known names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close)
    return "choose one of " + ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
