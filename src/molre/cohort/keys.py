"""Pseudonyms: HMACs under a cohort's own salt, so that no identifier leaves the header.

Keys of one cohort cannot be compared with another's, nor looked up without its salt.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from molre import files

DIGITS = 16
MAX_SHIFT_DAYS = 365


def open_salt(path: Path, salt: bytes | None = None) -> bytes:
    """The cohort's salt; made at first use, readable by its owner only.

    Args:
        path: COHORT/salt.
        salt: to use where there is none yet, instead of 32 random bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    if not path.is_file():
        try:
            files.create_private(part, salt or secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):  # of two runs at once, the first one's
                os.link(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path.read_bytes()


def pseudonym(salt: bytes, kind: str, identifier: str) -> str:
    """16 hex digits standing for an identifier of a kind (patient, study, series).

    Args:
        salt: the cohort's.
        kind: keeps a patient and a study of the same identifier apart.
        identifier: as in the header, surrounding space removed; or the name of a folder, whose
            bytes need not be UTF-8.
    """
    message = f"{kind}:{identifier.strip()}".encode(errors="surrogatepass")
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:DIGITS]


def fraction(salt: bytes, patient: str) -> float:
    """A number in [0, 1) that a patient's split follows from."""
    digest = hmac.new(salt, f"split:{patient}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def date_shift(salt: bytes, patient: str) -> int:
    """Days, in [-365, 365], by which all dates of a patient are shifted; intervals stay."""
    digest = hmac.new(salt, f"date:{patient}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") % (2 * MAX_SHIFT_DAYS + 1) - MAX_SHIFT_DAYS


def shifted(date: str | None, days: int) -> str | None:
    """A DICOM date (YYYYMMDD) moved by days, as ISO; None where it is missing or malformed."""
    try:
        day = datetime.datetime.strptime((date or "").strip(), "%Y%m%d").date()
        return (day + datetime.timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return None
