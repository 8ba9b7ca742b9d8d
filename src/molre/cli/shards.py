"""``--shard 3/8``: part of a whole, for verbs that several machines share."""

from __future__ import annotations

from molre.errors import MolreError

_LONGEST = 40  # characters; Python itself reads no number of thousands of digits


def shard_of(text: str) -> tuple[int, int]:
    """(3, 8) of ``3/8``.

    Raises:
        MolreError: no part of a whole.
    """
    index, _, count = text.partition("/")
    plain = index.isdecimal() and count.isdecimal() and len(text) < _LONGEST
    if plain and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise MolreError(
        f"{text!r} is not a part of a whole", where="--shard", fix="write for example 3/8"
    )
