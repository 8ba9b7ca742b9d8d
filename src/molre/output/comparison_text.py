"""A comparison as a table for the terminal."""

from __future__ import annotations

from typing import Any

from molre.evaluation.compare import Comparison
from molre.output.numbers import NONE, interval, number, p_value

HEADER = (
    "arm", "seeds", "macro AUC", "95 % interval", "seed spread", "minus frozen", "p", "p (Holm)",
)  # fmt: skip
Row = tuple[str, ...]


def comparison_text(comparison: Comparison) -> list[Row]:
    """Rows under :data:`HEADER`, one an arm."""
    result = comparison.result
    against = {(c.group, c.arm): c.macro for c in result.contrasts if c.control == "frozen"}
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
    """What the table is measured on."""
    kind = "synthetic" if comparison.synthetic else "real"
    return (
        f"{comparison.studies} {kind} test studies of {comparison.patients} patients, "
        f"mean over {comparison.result.size}"
    )


def comparison_table(comparison: Comparison) -> Any:
    """The rows, the verdicts and the caption as one thing that rich prints."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(title=caption(comparison), title_justify="left")
    for name in HEADER:
        table.add_column(name, overflow="fold")  # a name that is cut names no arm
    for row in comparison_text(comparison):
        table.add_row(*row)
    return Group(table, *(Text(line) for line in verdicts(comparison)))
