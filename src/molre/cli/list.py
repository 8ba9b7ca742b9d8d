"""``molre list``: what there is to choose from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from molre.cli.tables import print_table


def command(
    what: Annotated[str, typer.Argument(help="backbones, arms, findings or windows.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List backbones, arms, findings or windows.

    For backbones, --json shows more: the input contract's source, pretraining, pins, and why
    one is not verified.

    Example: molre list backbones
    """
    from molre.errors import MolreError, did_you_mean

    tables = {"backbones": _backbones, "arms": _arms, "findings": _findings, "windows": _windows}
    if what not in tables:
        raise MolreError(f"nothing called {what!r} to list", fix=did_you_mean(what, tables))
    if json:
        import json as encoder

        typer.echo(
            encoder.dumps(_everything() if what == "backbones" else tables[what](), indent=2)
        )
    else:
        _print(tables[what]())


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*[str(v) for v in row.values()])
    print_table(table)


def _backbones() -> list[dict[str, Any]]:
    from molre.backbones.listing import table

    return table()


def _everything() -> list[dict[str, Any]]:
    """More of every backbone than a terminal is wide."""
    from molre.backbones.listing import rows

    return rows()


def _arms() -> list[dict[str, Any]]:
    from molre.arms.arms import ARMS

    return [
        {"arm": name, "placements": ", ".join(arm.placements), "question": arm.question}
        for name, arm in ARMS.items()
    ]


def _findings() -> list[dict[str, Any]]:
    from molre.labels.findings import findings

    return [
        {"id": f.id, "name": f.name, "category": f.category, "parent": f.parent or ""}
        for f in findings()
    ]


def _windows() -> list[dict[str, Any]]:
    from molre.ct.windows import WINDOWS

    return [
        {"window": name, "level HU": w.level, "width HU": w.width, "from": w.low, "to": w.high}
        for name, w in WINDOWS.items()
    ]
