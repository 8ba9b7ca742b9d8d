"""Shard i of n of the work, for verbs that several machines share; counted from 1 everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from molre.errors import MolreError

Item = TypeVar("Item")
_LONGEST = 40  # characters; Python itself reads no number of thousands of digits


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``count``: 1 of 4 to 4 of 4 are all of it.

    Raises:
        MolreError: there is no such part.
    """

    index: int = 1
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse 0/n and what is beyond n/n."""
        if not 1 <= self.index <= self.count:
            raise _refused((self.index, self.count))

    @classmethod
    def of(cls, given: str | tuple[int, int] | Shard | None) -> Shard:
        """The part that is meant by ``"3/8"`` or ``(3, 8)``; the whole by None.

        Raises:
            MolreError: it is not a shard.
        """
        if given is None:
            return cls()
        if isinstance(given, Shard):
            return given
        if isinstance(given, str):
            index, _, count = given.partition("/")
            plain = index.isdecimal() and count.isdecimal() and len(given) < _LONGEST
            numbers: tuple[int, ...] = (int(index), int(count)) if plain else ()
        else:
            numbers = tuple(given)
        if len(numbers) != 2 or not all(type(number) is int for number in numbers):
            raise _refused(given)
        return cls(numbers[0], numbers[1])

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the work."""
        return self.count == 1

    def has(self, number: int) -> bool:
        """Whether an item is of this part, by a number of its own such as a hash."""
        return number % self.count == self.index - 1

    def dealt(self, items: Sequence[Item]) -> list[Item]:
        """The items of this part, dealt in turn."""
        return list(items[self.index - 1 :: self.count])


def _refused(given: object) -> MolreError:
    return MolreError(
        f"{given!r} is not a shard",
        where="--shard",
        fix="write 1/8 to 8/8, or (1, 8) to (8, 8) in Python: shards are counted from 1",
    )
