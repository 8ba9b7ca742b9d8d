"""What ended a run, in one sentence and with its exit code.

2: wrong usage, or the machine refused (a full disk, a file that may not be written, no memory).
70 (``EX_SOFTWARE`` of sysexits.h): anything unforeseen, which is a bug in molre. It is never 1,
which means that scans were rejected. 141: what a shell reports for a program whose output is no
longer read.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

import molre
from molre.cli import terminal
from molre.cli.verb import ReaderGone
from molre.errors import MolreError, of_machine

BUG, READER_GONE = 70, 141
TRACEBACK = "MOLRE_TRACEBACK"
_PLACES = {  # what may be wrong with the place that an error names; molre.errors has the machine's
    errno.EACCES: "permission denied. Name a place that you can read and write.",
    errno.EPERM: "permission denied. Name a place that you can read and write.",
    errno.ENOENT: "no such file or folder. Check the spelling.",
    errno.ENOTDIR: "there is a file where a folder is needed. Name another place.",
    errno.EISDIR: "there is a folder where a file is needed. Name a file.",
    errno.EEXIST: "something else is already there. Name another place.",
    errno.ENAMETOOLONG: "this name is too long. Name a shorter one.",
}


def failure(error: BaseException) -> int:
    """Say what ended the run; its exit code."""
    if os.environ.get(TRACEBACK) and not isinstance(error, (SystemExit, ReaderGone)):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, MolreError):
        terminal.say(error.message)
        return error.exit_code
    if isinstance(error, ReaderGone) or (
        isinstance(error, BrokenPipeError) and not terminal.is_read()
    ):
        return READER_GONE
    known = of_machine(error)
    if known is not None:
        terminal.say(known.message)
        return known.exit_code
    if isinstance(error, OSError):
        return _place(error)
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return _usage(error) if hasattr(error, "format_message") else _bug(error)


def _usage(error: BaseException) -> int:
    """Wrong usage as typer finds it (it brings its own click): what is wrong, and where to look."""
    said = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    verb = f" {context.info_name}" if context is not None and context.parent is not None else ""
    terminal.say(f"{said}{'' if said.endswith(('.', '?')) else '.'} See molre{verb} --help.")
    return 2


def _place(error: OSError) -> int:
    """A missing or forbidden file: what the system found, and what to do."""
    place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
    known = _PLACES.get(error.errno or 0)
    terminal.say(f"{place}{known or f'{error.strerror or type(error).__name__}.'}")
    return 2


def _bug(error: BaseException) -> int:
    """Nobody foresaw it. Its kind and place are told, not its text, which may quote a header."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = Path(molre.__file__).parent
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ours)]
    last = (own or frames)[-1:]
    place = f" in {Path(last[0].filename).name}, line {last[0].lineno}" if last else ""
    terminal.say(
        f"this is a bug in molre ({type(error).__name__}{place}). Please report it; "
        f"{TRACEBACK}=1 before the same command shows where it came from."
    )
    return BUG
