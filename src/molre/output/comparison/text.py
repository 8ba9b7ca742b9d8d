"""A comparison as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from molre.evaluation.comparison.compare import Comparison
from molre.evaluation.comparison.families import minus_frozen
from molre.evaluation.endpoint import EMPTY
from molre.output.numbers import NONE, interval, number, p_value

HEADER = (
    "arm", "seeds", "macro AUC", "95 % interval", "seed spread", "minus frozen", "p", "p (Holm)",
)  # fmt: skip
LEAST_NEEDED = ("p", "seeds", "seed spread", "p (Holm)", "minus frozen", "95 % interval")
Row = tuple[str, ...]


def comparison_text(comparison: Comparison) -> list[Row]:
    """Rows under :data:`HEADER`, one an arm."""
    result = comparison.result
    against = minus_frozen(result.contrasts)
    several = len({arm.group for arm in result.arms}) > 1
    rows: list[Row] = []
    for arm in result.arms:
        difference = against.get((arm.group, arm.name))
        rows.append(
            (
                f"{arm.name} ({arm.group})" if several else arm.name,
                str(len(arm.seeds)),
                number(arm.macro.value),
                interval(arm.macro.low, arm.macro.high),
                number(arm.spread),
                number(difference.value, sign=True) if difference else NONE,
                p_value(difference.p) if difference else NONE,
                p_value(difference.p_adjusted) if difference else NONE,
            )
        )
    return rows


def verdicts(comparison: Comparison) -> list[str]:
    """One line a contrast: what it shows."""
    several = len({arm.group for arm in comparison.result.arms}) > 1
    return [
        f"{c.arm} minus {c.control}{f' ({c.group})' * several}: {c.verdict}"
        for c in comparison.result.contrasts
    ]


def caption(comparison: Comparison) -> str:
    """What the table is measured on; where nothing can be measured, that and why."""
    kind = "synthetic" if comparison.scans_synthetic else "real"
    on = f"{comparison.studies} {kind} test studies of {comparison.patients} patients"
    if not comparison.result.endpoint:
        return f"{on}: too few to evaluate any arm, as {EMPTY}."
    return f"{on}, mean over {comparison.result.size}"


def comparison_table(comparison: Comparison) -> Any:
    """The rows, the verdicts and the caption as one thing that rich prints; one sentence where no
    finding can be evaluated."""
    from rich.console import Group
    from rich.text import Text

    if not comparison.result.endpoint:
        return Text(caption(comparison))
    return Group(_Table(comparison), *(Text(line) for line in verdicts(comparison)))


@dataclass(frozen=True)
class _Table:
    """As many columns as fit beside whole names of arms."""

    comparison: Comparison

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.table import Table
        from rich.text import Text

        rows = comparison_text(self.comparison)
        shown = fitting(rows, options.max_width)
        fits = sum(_widths(rows, shown)) < options.max_width
        table = Table(title=caption(self.comparison), title_justify="left")
        for column, width in zip(shown, _widths(rows, shown), strict=True):
            header = fill(HEADER[column], width - 3)
            table.add_column(header, no_wrap=fits, overflow="fold")  # a cut name names no arm
        for row in rows:
            table.add_row(*(row[column] for column in shown))
        yield table
        left_out = [name for column, name in enumerate(HEADER) if column not in shown]
        if left_out:
            yield Text(
                f"Left out, as the terminal is too narrow (see the report): {', '.join(left_out)}."
            )


def fitting(rows: Sequence[Row], width: int) -> list[int]:
    """Positions of the columns that fit into a width without a name or a number being broken.

    The least needed go first; the arms and their macro AUC always stay.
    """
    shown = list(range(len(HEADER)))
    for name in LEAST_NEEDED:
        if sum(_widths(rows, shown)) < width:
            break
        shown.remove(HEADER.index(name))
    return shown


def _widths(rows: Sequence[Row], shown: Sequence[int]) -> list[int]:
    """Signs of each column: its longest cell, or word of its header, two spaces and a rule."""
    cells = [max(len(row[column]) for row in rows) for column in shown]
    words = [max(map(len, HEADER[column].split())) for column in shown]
    return [3 + max(cell, word) for cell, word in zip(cells, words, strict=True)]
