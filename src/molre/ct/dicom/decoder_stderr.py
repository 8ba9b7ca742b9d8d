"""What decoders written in C report on stderr and nowhere else.

libjpeg, inside gdcm, fills in what a damaged stream lacks, returns an image and prints one line.
That line is the only sign of it, so stderr is captured.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_STDERR = 2
_COMPLAINTS = re.compile(
    rb"^.*(?:Corrupt JPEG data|Premature end of|Invalid |Unsupported |Bogus |Inconsistent ).*$",
    re.MULTILINE,
)
_lock = threading.Lock()


@contextlib.contextmanager
def decoder_words() -> Iterator[list[str]]:
    """Collect the complaints of a decoder; the list is filled at the end of the block.

    Everything else that was written to stderr meanwhile (by other threads) is passed on.

    Raises:
        OSError: the machine has no room for what is said; the decoder was not asked.
    """
    said: list[str] = []
    with _lock, _scratch() as heard:
        try:
            real = os.dup(_STDERR)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            # there is no stderr
            yield said
            return
        os.dup2(heard.fileno(), _STDERR)
        try:
            yield said
        finally:
            os.dup2(real, _STDERR)
            heard.seek(0)
            words = heard.read()
            said += [line.decode("ascii", "replace").strip() for line in _COMPLAINTS.findall(words)]
            rest = _COMPLAINTS.sub(b"", words).strip(b"\n")
            if rest:
                os.write(real, rest + b"\n")
            os.close(real)


def _scratch() -> IO[bytes]:
    """A file in memory where the system has such, so that no folder need be writable."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("decoder"), "w+b")
    return tempfile.TemporaryFile()
