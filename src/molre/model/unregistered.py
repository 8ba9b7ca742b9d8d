"""What a module uses without owning it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Unregistered(Generic[T]):
    """A box that keeps a module out of the state of another.

    ``nn.Module`` takes every module that is set on it for a part of itself: its weights would be
    saved, counted and trained along. What is in a box is used and is not a part.

    Attributes:
        content: e.g. a backbone.
    """

    content: T
