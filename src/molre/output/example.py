"""An example case in a report: one study and finding, its key slices and the attention on them."""

from __future__ import annotations

from typing import TypedDict


class Example(TypedDict):
    """What a report draws of one case.

    Keys:
        title: heading, e.g. ``"study 3f2a..., finding present"``.
        finding: its name.
        probability: of the finding, 0 to 1.
        pictures: (caption, data URI) of each key slice.
        bars: SVG of the attention over slices, see ``charts.attention_bars``; may be empty.
    """

    title: str
    finding: str
    probability: float
    pictures: list[tuple[str, str]]
    bars: str
