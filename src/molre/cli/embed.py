"""``molre embed``: a cohort's slices through a frozen backbone, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    cohort: Annotated[Path, typer.Argument(help="Cohort folder.")],
    backbone: Annotated[str, typer.Option(help="`molre list backbones`.")] = "efficientnet_lite0",
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    contract: Annotated[
        Path | None,
        typer.Option(
            help="YAML: size, windows, slab_mm ... of slices, or shape, spacing ... of volumes."
        ),
    ] = None,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Accept a backbone that is not verified.")
    ] = False,
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Allow code that came with its weights to run."),
    ] = False,
    device: Annotated[str, typer.Option(help="torch device.")] = "cpu",
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    shard: Annotated[
        str | None,
        typer.Option(help="Embed only shard I of N of the series, e.g. 3/8; see below."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Embed on a Dask cluster, e.g. tcp://head:8786, not in WORKERS."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Embed everything again.")] = False,
) -> None:
    """Embed the chosen series of a cohort; run it again to resume where it stopped.

    A series that cannot be embedded is named, and the others continue (exit 1).

    On several machines or GPUs, run the same command once for each shard, --shard 1/8 to 8/8,
    in parallel or one after the other, with one COHORT that all of them can see. The last one to
    finish writes the whole cache.

    On a Dask cluster each worker loads the backbone once, onto its own --device, and embeds whole
    series; cohort, scans and weights must be where all of them can see them. Start the workers with
    one thread each (dask worker ADDRESS --nthreads 1), one for each core or GPU. The result is the
    same.

    Example: molre embed COHORT --backbone hf:facebook/dinov2-small --weights-dir weights
    """
    from molre.backbones.contract_kind import read_contract
    from molre.embedding.embed import embed

    done = embed(
        cohort,
        backbone,
        weights_dir=weights_dir,
        contract=read_contract(contract) if contract else None,
        device=device,
        workers=workers,
        overwrite=overwrite,
        unverified=unverified,
        trust_remote_code=trust_remote_code,
        shard=shard,
        scheduler=scheduler,
    )
    if json:
        typer.echo(done.as_json())
    else:
        typer.echo(done.as_text())
        for study, reason in done.failed:
            typer.echo(f"study {study} could not be embedded: {reason}", err=True)
    raise typer.Exit(done.exit_code)
