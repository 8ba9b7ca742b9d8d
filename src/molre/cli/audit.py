"""``molre audit``: whether every number of a run follows from its files."""

from __future__ import annotations

import json as encoder
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from molre.audit.audit import Audit, AuditOptions
    from molre.audit.benchmark import BenchAudit

FAILED, UNCHECKED = 1, 3  # 2 is wrong usage, see molre.errors


def command(
    run: Annotated[
        Path,
        typer.Argument(
            help="Evaluated RUN folder; or a folder of runs; or what `molre evaluate --external`, "
            "`benchmark`, `compare` or `consistency` wrote."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for audit.html and audit.json.")
    ] = None,
    cohort: Annotated[
        Path | None, typer.Option(help="The run's cohort, if it has moved since.")
    ] = None,
    reread: Annotated[
        int,
        typer.Option(help="Studies to read again from their scans, test studies first.", min=0),
    ] = 3,
    reread_seed: Annotated[
        int | None,
        typer.Option(help="Seed that picks them; by default a new one each time, printed.", min=0),
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train the run again and compare its weights.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat NOT CHECKED as failed: exit 1 instead of 3.")
    ] = False,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="torch device for the backbone.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")] = False,
) -> None:
    """Recompute every reported number of a run from its own files, and look for leakage.

    It shows that the numbers can be reproduced, not that they are right: molre's own functions
    recompute them. Metrics, report and card from the predictions; predictions from the model and
    the embeddings; some embeddings from the scans; calibration from the calibrate split; labels,
    splits and counts from the cohort. What is not available is NOT CHECKED. For a benchmark or a
    comparison: every run, and the tables from the runs. Nothing in RUN is changed.

    Exit 0 everything was checked and nothing failed, 1 a check failed, 2 nothing to audit or wrong
    usage, 3 nothing failed and something was NOT CHECKED (1 with --strict).

    Example: molre audit runs/molre-0 -o audit
    """
    from molre.audit.folders import audit_folder
    from molre.folders import claim

    if out is not None:
        claim(out, "audit")
    asked: AuditOptions = {
        "cohort": cohort,
        "weights_dir": weights_dir,
        "device": device,
        "reread": reread,
        "reread_seed": reread_seed,
        "retrain": retrain,
    }
    done = audit_folder(run, asked)
    said = _write(done, out)
    typer.echo(encoder.dumps(done.to_dict(), indent=2) if json else said)
    if out is not None and not json:
        typer.echo(f"report: {out / 'audit.html'}")
    if done.failed or (strict and done.unchecked):
        raise typer.Exit(FAILED)
    raise typer.Exit(UNCHECKED if done.unchecked else 0)


def _write(done: Audit | BenchAudit, out: Path | None) -> str:
    """Pages where they are asked for; what the command line prints."""
    from molre.audit.audit import Audit
    from molre.audit.page import as_text, bench_as_text, write_audit, write_bench_audit

    if isinstance(done, Audit):
        if out is not None:
            write_audit(done, out)
        return as_text(done)
    if out is not None:
        write_bench_audit(done, out)
    return bench_as_text(done)
