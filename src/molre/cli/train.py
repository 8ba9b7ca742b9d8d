"""``molre train``: one arm on one cohort."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer


def command(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder: ingested, labeled and split.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Run folder to write.")],
    backbone: Annotated[str | None, typer.Option(help="`molre list backbones`.")] = None,
    arm: Annotated[str | None, typer.Option(help="`molre list arms`.")] = None,
    placement: Annotated[
        str | None, typer.Option(help="slice, on embeddings; or blocks, inside the backbone.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(help="Share of parameters that blocks may add; 0.005 by default."),
    ] = None,
    prefix_cache: Annotated[
        bool | None, typer.Option(help="At blocks: keep the tokens before them on disk.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and dropout.")] = None,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    contract: Annotated[
        Path | None,
        typer.Option(
            help="YAML: size, windows, slab_mm ... of slices, or shape, spacing ... of volumes."
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="paper: six experts of rank 8, averaged by the gates.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML with settings.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, overrides the YAML; may be repeated."),
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Accept a backbone that is not verified.")
    ] = False,
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Allow code that came with its weights to run."),
    ] = False,
    device: Annotated[str, typer.Option(help="torch device to embed on.")] = "cpu",
    workers: Annotated[
        int | None, typer.Option(help="Processes that embed; all cores by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Discard an existing run.")] = False,
) -> None:
    """Train one arm: embeds what is missing, tries the learning-rate grid, stops early on tune.

    Example: molre train COHORT --backbone efficientnet_lite0 --arm molre --seed 0 -o runs/molre-0
    """
    from molre.backbones.contract_kind import read_contract
    from molre.runs.folder import RunFolder
    from molre.training.config import resolve
    from molre.training.parallel.launcher_env import launcher_env
    from molre.training.summary import summary
    from molre.training.train import train

    given: dict[str, Any] = {"backbone": backbone, "arm": arm, "placement": placement, "seed": seed}
    given |= {"budget": budget, "prefix_cache": prefix_cache}
    given["contract"] = read_contract(contract) if contract else None
    resolved = resolve(config, settings or (), preset, **given)
    run = train(
        cohort,
        out,
        resolved,
        weights_dir=weights_dir,
        device=device,
        workers=workers,
        overwrite=overwrite,
        unverified=unverified,
        trust_remote_code=trust_remote_code,
    )
    if launcher_env().rank != 0:
        return  # one of several processes speaks for all
    if json:
        typer.echo(RunFolder(run).manifest.read_text(encoding="utf-8"))
    else:
        typer.echo(f"trained {resolved.arm}: {run}")
        for line in summary(run):
            typer.echo(f"  {line}")
        typer.echo(f"Next: molre evaluate {quote(str(run))}")
