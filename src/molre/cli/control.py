"""``molre control``: does the method route where routing was planted?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from molre.evaluation.comparison.planted_routing import RoutingControl


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    conflict: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of a look that changes with the level; may be repeated. 0 and 1.",
        ),
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option(min=10, help="Synthetic training studies; 1000, with --small 400."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Training seeds of each arm; 5 by default."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="`paper`: six experts of rank 8, averaged.")
    ] = None,
    small: Annotated[
        bool, typer.Option("--small", help="A small world and a short budget: some minutes.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, as `molre train` takes it.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Train every slice arm on synthetic embeddings in which routing is planted, and compare.

    At conflict 1 what a finding looks like depends on the level of its slice: MoLRE must be above
    frozen and above its routing controls, or the exit code is 1. At conflict 0 it does not: there
    is nothing for a router to find. An MLP of equal size is shown beside them. The embeddings are
    synthetic, and say nothing about patients.

    Example: molre control --small -o control
    """
    from dataclasses import asdict, replace
    from json import dumps

    from molre.training.config import resolve
    from molre.workflows.routing_control import (
        SMALL,
        SMALL_SETTINGS,
        ControlPlan,
        routing_control,
    )

    plan, base = (SMALL, SMALL_SETTINGS) if small else (ControlPlan(), {})
    plan = replace(
        plan,
        conflicts=tuple(conflict) if conflict else plan.conflicts,
        train=studies or plan.train,
        seeds=tuple(range(seeds)) if seeds else plan.seeds,
    )
    config = resolve(None, settings or (), preset, base)
    control = routing_control(out, plan, config, workers=workers)
    if json:
        said = [asdict(w) | {"found": w.found, "sentence": w.sentence} for w in control.worlds]
        typer.echo(dumps(said, indent=2))
    else:
        show(control)
    if not all(world.as_expected for world in control.worlds):
        raise typer.Exit(1)


def show(control: RoutingControl) -> None:
    """The table, and what was planted and found."""
    from molre.cli.tables import print_table
    from molre.output.comparison.control import control_sentences, control_table

    print_table(control_table(control))
    for line in control_sentences(control):
        typer.echo(line)
    typer.echo("These embeddings are synthetic: this says nothing about patients.")
