"""What molre says when something is wrong: what happened, where, and how to fix it.

Exit codes (every verb): 0 done, 1 some or all scans rejected (audit: a check failed), 2 nothing
readable, nothing matched, wrong usage, or the machine refused (a full disk, no memory), 3 an audit
that could not check everything, 70 a bug in molre, 130 interrupted, 141 the output is no longer
read.
"""

from __future__ import annotations

import difflib
import errno
import sys
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
        return f"{place}{_ended(self.what)}{_sentence(self.fix)}"

    def __reduce__(self) -> tuple[object, ...]:
        """Cross process borders with all three parts (workers raise these)."""
        return (_rebuild, (type(self), self.what, self.where, self.fix))


class RefusedScan(MolreError):
    """A file, series or study that molre will not read as head CT; ends as a row of rejects.csv."""

    exit_code = 1


class NotApplicable(MolreError):
    """An arm that a backbone cannot have; a benchmark gives it a row and no cell.

    Args:
        what: why.
        where: ``placement blocks``, where another placement would do.
    """

    @property
    def message(self) -> str:
        """``not applicable at placement blocks: why. fix.``"""
        place = f" at {self.where}" if self.where else ""
        return f"not applicable{place}: {_ended(self.what)}{_sentence(self.fix)}"


def _sentence(fix: str | None) -> str:
    if not fix:
        return ""
    if fix.startswith("molre "):
        return f" Run: {fix}"
    return f" {_ended(fix[0].upper() + fix[1:])}"


def _ended(words: str) -> str:
    """With one sign at its end; what other libraries say comes with one, and a list with three."""
    if words.endswith(("...", "?")):
        return words
    return words.rstrip(".") + ("?" if words.startswith("Did you mean ") else ".")


def _rebuild(kind: type[MolreError], what: str, where: str | None, fix: str | None) -> MolreError:
    return kind(what, where=where, fix=fix)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'?"`` style remedy for a misspelt name, or the list of known names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close)
    return "choose one of " + ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")


_OUT_OF = {
    errno.ENOSPC: ("the disk is full", "free some space and run the same command again"),
    errno.EFBIG: (
        "the file is too large to be written here",
        "raise the limit (ulimit -f) or the quota",
    ),
    errno.EROFS: (
        "the file system is read-only",
        "run it where this can be written (in a container: docker run --tmpfs /tmp --tmpfs "
        "/dev/shm), or name another folder by -o or TMPDIR",
    ),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n) or use fewer workers"),
    errno.ENOMEM: ("out of memory", "free memory or use fewer workers, and run it again"),
    errno.EAGAIN: (
        "no more processes or threads can be started",
        "raise the limit (ulimit -u) or use fewer workers",
    ),
}
_OUT_OF |= {errno.EDQUOT: _OUT_OF[errno.ENOSPC], errno.ENFILE: _OUT_OF[errno.EMFILE]}
_NO_TEMPORARY = "No usable temporary directory"


def is_of_machine(error: BaseException) -> bool:
    """Whether the machine failed, so that nothing is known of the file that was being read.

    A full or read-only disk, no temporary folder, no memory (a device's too), too many open files:
    the next file would fail as well, and the same file is read where the machine is in order. What
    a decoder or an archive makes of damaged bytes is no such thing, though some of it is an
    OSError, too.
    """
    if isinstance(error, MemoryError) or _is_of_device(error):
        return True
    return isinstance(error, OSError) and (error.errno in _OUT_OF or _NO_TEMPORARY in str(error))


def _is_of_device(error: BaseException) -> bool:
    """A device without memory, as torch says it, where torch was imported at all."""
    torch = sys.modules.get("torch")
    kind = getattr(torch, "OutOfMemoryError", None)
    return kind is not None and isinstance(error, kind)


def raise_of_machine(error: BaseException) -> None:
    """Raise an error of the machine again; called where all others are taken for damage."""
    if is_of_machine(error):
        raise error


def of_machine(error: BaseException) -> MolreError | None:
    """The sentence for a fault of the machine, which ends the run; None for any other error."""
    import tempfile

    if not is_of_machine(error):
        return None
    if _is_of_device(error):
        return MolreError(
            "the device is out of memory", fix="choose another --device, or one with more memory"
        )
    if isinstance(error, MemoryError):
        return MolreError(*_OUT_OF[errno.ENOMEM][:1], fix=_OUT_OF[errno.ENOMEM][1])
    assert isinstance(error, OSError)
    if _NO_TEMPORARY in str(error):
        return MolreError(
            "no folder for temporary files can be written to",
            fix="set TMPDIR to one (in a container: docker run --tmpfs /tmp)",
        )
    what, fix = _OUT_OF[error.errno or 0]
    if error.errno == errno.EROFS and not error.filename:  # semaphores of worker processes
        what += ", perhaps /dev/shm, which worker processes need"
    if error.filename and error.filename == tempfile.tempdir and "TMPDIR" not in fix:
        fix += ", or name another folder by TMPDIR"
    return MolreError(what, where=error.filename, fix=fix)
