"""What a labeler says of one finding in one report, and what a labeler is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["present", "absent", "uncertain"]


@dataclass(frozen=True)
class Cell:
    """A finding that a report mentions; a finding without a cell is not mentioned.

    Attributes:
        finding: id in the findings table.
        state: what the report says of it.
        start: where the words that say so begin in the report's text as given, in characters.
        end: where they end.
        note: why, where the words alone do not show it: ``addendum`` (an addendum overrode the
            report), ``hierarchy`` (it follows from a child or a parent), or empty.
    """

    finding: str
    state: State
    start: int
    end: int
    note: str = ""

    def evidence(self, text: str) -> str:
        """The words that say so, as they stand in the report's text, line breaks as spaces."""
        return " ".join(text[self.start : self.end].split())


class Labeler(Protocol):
    """Reads one report at a time; does not keep, log or send its text without being told to."""

    @property
    def source(self) -> str:
        """``report-rules``, ``report-llm``: what the labels' ``source`` column says."""

    @property
    def labeller(self) -> str:
        """Name and version, as the labels' ``labeller`` column says: ``rules 1``."""

    def label(self, text: str) -> list[Cell]:
        """Cells of a report, at most one a finding, in the findings table's order.

        Closed under the hierarchy: a present child makes its parents present, an absent parent
        its children absent, the parent of an uncertain finding is present or uncertain.

        Args:
            text: the report as given, one study's.

        Raises:
            MolreError: this report cannot be labeled (empty, another language ...); its other
                reports can be.
        """
