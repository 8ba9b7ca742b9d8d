"""``molre audit``: is every number of a run what its files say."""

from __future__ import annotations

import json as encoder
from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    run: Annotated[
        Path, typer.Argument(help="RUN folder, evaluated; or BENCH of `molre benchmark`.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for audit.html and audit.json.")
    ] = None,
    cohort: Annotated[
        Path | None, typer.Option(help="The run's cohort, where it was moved since.")
    ] = None,
    reread: Annotated[
        int, typer.Option(help="Test studies to read again from their scans.", min=0)
    ] = 0,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the run again and compare its weights.")
    ] = False,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="torch device for the backbone.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")] = False,
) -> None:
    """Recompute every reported number of a run, and look for leakage.

    Metrics, report and card from the predictions; predictions from the model and the embeddings;
    calibration from the calibrate split; labels, splits and counts from the cohort. What is not at
    hand is NOT CHECKED. Of a benchmark, every cell, and the table from the cells. Nothing in RUN is
    changed. Exit 0 no check failed, 1 one did, 2 not a run.

    Example: molre audit runs/molre-0 -o audit
    """
    from molre.audit.audit import audit
    from molre.audit.benchmark import is_benchmark
    from molre.audit.page import as_text, write_audit
    from molre.folders import claim

    if out is not None:
        claim(out, "audit")
    asked: dict[str, Any] = {
        "cohort": cohort,
        "weights_dir": weights_dir,
        "device": device,
        "reread": reread,
        "retrain": retrain,
    }
    if is_benchmark(run):
        raise typer.Exit(_benchmark(run, out, json, asked))
    done = audit(run, **asked)
    if out is not None:
        write_audit(done, out)
    typer.echo(encoder.dumps(done.to_dict(), indent=2) if json else as_text(done))
    if out is not None and not json:
        typer.echo(f"report: {out / 'audit.html'}")
    raise typer.Exit(1 if done.failed else 0)


def _benchmark(bench: Path, out: Path | None, json: bool, asked: dict[str, Any]) -> int:
    from molre.audit.benchmark import audit_benchmark
    from molre.audit.page import bench_as_text, write_bench_audit

    done = audit_benchmark(bench, **asked)
    if out is not None:
        write_bench_audit(done, out)
    typer.echo(encoder.dumps(done.to_dict(), indent=2) if json else bench_as_text(done))
    if out is not None and not json:
        typer.echo(f"report: {out / 'audit.html'}")
    return 1 if done.failed else 0
