"""A routing control for the terminal: a table of each world, and what was planted and found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from molre.evaluation.comparison.families import minus_frozen
from molre.output.many_experts import digits
from molre.output.numbers import NONE, interval, number, p_value

if TYPE_CHECKING:
    from rich.table import Table

    from molre.evaluation.comparison.planted_routing import RoutingControl

CAPTION = "planted routing: synthetic embeddings, {n} test studies, {seeds} seeds"


def control_table(control: RoutingControl) -> Table:
    """One row a world and arm."""
    from rich.table import Table

    result = control.result
    title = CAPTION.format(n=result.supports[0].n, seeds=len(result.arms[0].seeds))
    table = Table(title=title, title_justify="left")
    for name in ("world", "arm", "macro AUC", "95 % interval", "minus frozen", "p (Holm)", "gates"):
        table.add_column(name, no_wrap=True)
    against = minus_frozen(result.contrasts)
    for arm in result.arms:
        difference = against.get((arm.group, arm.name))
        decimals = digits(arm.facts.experts)
        table.add_row(
            arm.group,
            arm.name,
            number(arm.macro.value),
            interval(arm.macro.low, arm.macro.high),
            number(difference.value, sign=True) if difference else NONE,
            p_value(difference.p_adjusted) if difference else NONE,
            number(arm.facts.entropy, decimals),
        )
    return table


def control_sentences(control: RoutingControl) -> Iterator[str]:
    """What was planted in each world and what was found, then what training left open."""
    for world in control.worlds:
        yield f"{world.group}: {world.sentence}"
    if short := control.unfinished:
        yield f"the budget ended before these converged: {', '.join(short)}"
