"""Standard output and error: what an encoding cannot show is written in another way, never raised.

The substitutes are those of JSON (``\\u2013``), so that JSON stays JSON in any encoding; dashes and
signs that have a plain twin become that.
"""

from __future__ import annotations

import codecs
import contextlib
import logging
import os
import re
import sys
from typing import TextIO

import typer

HANDLER = "molre"
_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")
TWINS = {
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": " ",
}


def prepare() -> None:
    """Make sure that no output of this process ends in an encoding error, or begins with noise."""
    # peft imports it wherever it is installed; molre uses nothing of it, and it warns all the same
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    codecs.register_error(HANDLER, _substitute)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=HANDLER)


def say(sentence: str) -> None:
    """One sentence on one line of stderr; where stderr is closed, the exit code has to do.

    A file's name may hold line breaks and commands for the terminal; they are shown, not obeyed.
    """
    line = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", sentence)
    with contextlib.suppress(OSError):
        typer.echo(f"molre: {line}", err=True)


def flush() -> None:
    """Write what is still held back, so that a full disk or a closed pipe is noticed."""
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def is_read() -> bool:
    """Whether somebody still reads stdout."""
    try:
        flush()
    except BrokenPipeError:
        return False
    return True


def close() -> None:
    """Drop output that cannot be written, else Python tries again at its exit and exits by 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            _to_nowhere(stream)


def _to_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(TWINS.get(sign) or _escaped(sign) for sign in text), error.end


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
