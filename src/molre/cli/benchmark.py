"""``molre benchmark``: backbones, arms, placements and seeds on one cohort, as one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from molre.benchmark.benchmark import Benchmarked


def command(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder: ingested, labeled and split.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, or to resume.")] = Path(
        "benchmark"
    ),
    preset: Annotated[str | None, typer.Option(help="paper or smoke.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="YAML: backbones, placements, seeds, budget.")
    ] = None,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with weights, used instead of the hub.")
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Accept backbones whose contract is not verified.")
    ] = False,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Allow code that comes with weights to run.")
    ] = False,
    shard: Annotated[
        str | None, typer.Option(help="Run only shard I of N of the cells, e.g. 3/8; see below.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Run on a Dask cluster, e.g. tcp://head:8786.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Run nothing; make the tables from what is there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print cells, GPU-hours and GB; write nothing.")
    ] = False,
    scans: Annotated[
        int | None,
        typer.Option(min=1, help="With --dry-run: estimate for this many scans like these."),
    ] = None,
    device: Annotated[str, typer.Option(help="torch device.")] = "cpu",
    workers: Annotated[
        int | None, typer.Option(help="Processes that embed; all cores by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Discard what is in OUT.")] = False,
) -> None:
    """Compare backbones and arms: OUT/report.html, OUT/table.md and OUT/table.csv.

    Each backbone embeds the cohort once; every combination of arm, placement and seed is then a
    run of its own in OUT/cells, trained with the same budget as the others. Combinations that
    cannot exist are rows "not applicable". Run it again to resume where it stopped; a cell
    that fails is tried twice, named at the end (exit 1), and tried again by the next run.

    On several machines or GPUs, run the same command once for each shard, --shard 1/8 to 8/8,
    with one OUT that all of them can see. The last one to finish writes the whole table.

    Example: molre benchmark COHORT --preset paper -o bench --dry-run
    """
    from molre.benchmark.benchmark import benchmark
    from molre.folders import claim

    chosen = None if report and not (preset or config) else _chosen(preset, config)
    if dry_run:
        from molre.benchmark.dry_run import dry_run as estimate

        found = estimate(
            chosen or out / "config.yaml",
            cohort,
            weights_dir=weights_dir,
            device=device,
            workers=workers,
            scans=scans,
        )
        typer.echo(found.as_json() if json else found.as_text())
        return
    claim(out, "benchmark")
    done = benchmark(
        chosen,
        cohort,
        out,
        weights_dir=weights_dir,
        device=device,
        workers=workers,
        shard=shard,
        scheduler=scheduler,
        only_tables=report,
        overwrite=overwrite,
        unverified=unverified,
        trust_remote_code=trust_remote_code,
    )
    _finish(done, json)
    raise typer.Exit(done.exit_code)


def _chosen(preset: str | None, config: Path | None) -> str | Path:
    from molre.benchmark.presets import PRESETS
    from molre.errors import MolreError, did_you_mean

    if (preset is None) == (config is None):
        raise MolreError(
            "no benchmark is named: give --preset or --config",
            fix="start with --preset smoke, or see what --preset paper costs with --dry-run",
        )
    if preset is not None and preset not in PRESETS:
        raise MolreError(f"no preset is called {preset!r}", fix=did_you_mean(preset, PRESETS))
    return preset if preset is not None else config or Path()


def _finish(done: Benchmarked, json: bool) -> None:
    table, path = done.table, done.path
    if json:
        from molre.table_files import read_csv

        typer.echo(read_csv(path / "table.csv").write_json())
        return
    from rich.table import Table

    from molre.cli.tables import print_table
    from molre.output.benchmark.table import HEADER, markdown_row

    if table.scored_rows:
        shown = Table(*HEADER, title=table.sizes(), title_justify="left")
        for row in table.scored_rows:
            shown.add_row(*markdown_row(row))
        print_table(shown)
    if table.synthetic:
        typer.echo("These scans are synthetic: the table says nothing about patients.")
    if table.missing:
        typer.echo(f"{len(table.missing)} cells have not been run yet; run the same command again.")
    for cell, reason in table.failures():
        typer.echo(f"failed: {cell}: {reason}")
    typer.echo(f"report: {path / 'report.html'}")
