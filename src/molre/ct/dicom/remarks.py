"""What is noted about pixels that were read although something is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Remarks:
    """Names of files, one entry a frame.

    Attributes:
        behind: compressed frames with something behind their end.
        beyond: frames with values that need more bits than are stated.
    """

    behind: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)

    def notes(self) -> Iterator[str]:
        """In words."""
        if self.behind:
            count = len(self.behind)
            frames = f"{count} compressed frame{'s' * (count > 1)}"
            yield f"{frames} with bytes behind the end: ignored"
        if self.beyond:
            count = len(self.beyond)
            slices = f"{count} slice{'s' * (count > 1)}"
            yield f"{slices} with values that need more bits than Bits Stored: read with all bits"
