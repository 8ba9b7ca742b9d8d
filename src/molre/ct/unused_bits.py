"""Bits above Bits Stored (0028,0101): an overlay, a sign, rubbish, or values that need them.

By the standard these bits hold no part of a value (PS3.5, 8.1.1), and old scanners keep an overlay
there. But writers that state 12 bits also write metal beyond 4,095, and padding of -2000: cut to 12
bits, metal becomes lung and padding becomes bone. Which of both it is shows where pixels that use
these bits meet pixels that do not: an image is smoother as what it is than as what it is not.
"""

from __future__ import annotations

import numpy as np

_FEWEST = 4  # places where both meet


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
    low, high = sorted(_as_stored(limit, stored) for limit in padding)
    return (stored >= low) & (stored <= high)


def _as_stored(value: float, stored: np.ndarray) -> int:
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
    whole, short = [], []
    for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        edge = beyond[one] != beyond[other]
        at = np.where(beyond[one], raw[one], cut[one])[edge].astype(np.int64)
        to = np.where(beyond[other], raw[other], cut[other])[edge].astype(np.int64)
        whole.append(np.abs(at - to))
        short.append(np.abs(cut[one][edge].astype(np.int64) - cut[other][edge]))
    steps, cut_steps = np.concatenate(whole), np.concatenate(short)
    return bool(steps.size >= _FEWEST and np.median(steps) < np.median(cut_steps))
