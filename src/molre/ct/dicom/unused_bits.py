"""Bits above Bits Stored (0028,0101): an overlay, a sign, rubbish, or values that need them.

By the standard these bits hold no part of a value (PS3.5, 8.1.1), and old scanners keep an overlay
there. But writers that state 12 bits also write metal beyond 4,095, and padding of -2000: cut to 12
bits, metal becomes lung and padding becomes bone. Which of both it is shows where pixels that use
these bits meet pixels that do not: an image is smoother as what it is than as what it is not.
"""

from __future__ import annotations

import numpy as np

from molre.ct.dicom.header import Header
from molre.ct.dicom.remarks import Remarks
from molre.errors import RefusedScan

_FEWEST = 12  # places where both meet
_ROUGH = 3  # times the step between other neighbors
_TORN = 300  # between neighbors; beside an overlay it is noise, beside values that were cut a chasm


def values(raw: np.ndarray, header: Header, remarks: Remarks) -> np.ndarray:
    """Stored values of all frames of a file; ``remarks`` grows.

    Args:
        raw: (frames, rows, columns) of the type that is allocated, changed in place.
        header: of the file.
        remarks: what is to be said.
    """
    for frame in raw if uses_more(raw, header.bits_stored) else ():
        frame[:], kept = values_of(frame, header.bits_stored, header.padding)
        remarks.beyond += [header.file] * kept
    return raw


def misplaced(header: Header) -> RefusedScan | None:
    """High Bit (0028,0102) that is not the last of the stored bits."""
    if not header.high_bit or header.high_bit == header.bits_stored - 1:
        return None
    return RefusedScan(
        f"its header puts {header.bits_stored} bits below bit {header.high_bit}, so where its "
        "values lie is not certain",
        where=header.file,
        fix="export it again with High Bit (0028,0102) one less than Bits Stored (0028,0101)",
    )


def values_of(
    raw: np.ndarray, bits: int, padding: tuple[float, float] | None = None
) -> tuple[np.ndarray, bool]:
    """Stored values of one image, and whether some need more bits than are stated.

    Args:
        raw: (rows, columns) of the type that is allocated.
        bits: Bits Stored.
        padding: Pixel Padding Value and Range Limit, as stated; pixels in that range by all
            allocated bits are padding, whatever their stored bits say.
    """
    if not uses_more(raw, bits):
        return raw, False
    unused = np.array(8 * raw.dtype.itemsize - bits, dtype=raw.dtype)
    cut = (raw << unused) >> unused
    beyond = raw != cut
    padded = beyond & is_within(raw, padding) if padding else np.zeros_like(beyond)
    rest = beyond & ~padded
    kept = _smoother(raw, cut, rest)
    return np.where(beyond if kept else padded, raw, cut), kept


def uses_more(raw: np.ndarray, bits: int) -> bool:
    """Whether any value lies beyond so many bits."""
    if bits >= 8 * raw.dtype.itemsize or not raw.size:
        return False
    if raw.dtype.kind == "u":
        return int(raw.max()) >= 1 << bits
    half = 1 << bits - 1
    return int(raw.min()) < -half or int(raw.max()) >= half


def is_within(stored: np.ndarray, padding: tuple[float, float]) -> np.ndarray:
    """Where values lie in the range of padding, which may be written with the other signedness."""
    low, high = sorted(as_stored(limit, stored) for limit in padding)
    return (stored >= low) & (stored <= high)


def as_stored(value: float, stored: np.ndarray) -> int:
    """Padding written with the other signedness (63536 for -2000) as the pixels' own."""
    whole, bits = int(value), 8 * stored.dtype.itemsize
    if stored.dtype.kind == "i" and whole >= 1 << (bits - 1):
        return whole - (1 << bits)
    if stored.dtype.kind == "u" and whole < 0:
        return whole + (1 << bits)
    return whole


def _smoother(raw: np.ndarray, cut: np.ndarray, beyond: np.ndarray) -> bool:
    """Whether the pixels that use more bits fit those beside them better with these bits."""
    if not beyond.any():
        return False
    whole, short, usual = [], [], []
    kept = np.where(beyond, raw, cut).astype(np.int64)
    cut = cut.astype(np.int64)
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        edge = beyond[one] != beyond[other]
        whole.append(np.abs(kept[one] - kept[other])[edge])
        short.append(np.abs(cut[one] - cut[other])[edge])
        usual.append(np.abs(cut[one] - cut[other])[~(beyond[one] | beyond[other])])
    steps, cut_steps, others = (np.concatenate(part) for part in (whole, short, usual))
    if min(steps.size, others.size) < _FEWEST:
        return False
    step, cut_step, elsewhere = (float(np.median(s)) for s in (steps, cut_steps, others))
    extended = raw.dtype.kind == "u" or raw.min() < 0  # else these may be signs that are not
    torn = extended and cut_step > max(_TORN, _ROUGH * elsewhere)
    return bool(torn or _ROUGH * step < cut_step)
