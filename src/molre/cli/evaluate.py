"""``molre evaluate``: a run's numbers and its report; with ``--external``, on another cohort."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molre.errors import MolreError

if TYPE_CHECKING:
    from molre.evaluation.evaluate import Evaluation


def command(
    run: Annotated[
        Path, typer.Argument(help="RUN folder of `molre train`; with --external RUN/model too.")
    ],
    external: Annotated[
        Path | None,
        typer.Option(help="Another cohort, ingested and labeled: test the frozen model there."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="With --external: folder to write.")
    ] = None,
    prevalence: Annotated[
        list[float] | None,
        typer.Option(help="State PPV and NPV at this prevalence, e.g. 0.02; may be repeated."),
    ] = None,
    label_audit: Annotated[
        Path | None,
        typer.Option(
            help="Folder of `molre label-audit`: show how far label errors may move each AUC."
        ),
    ] = None,
    leave_out_overlap: Annotated[
        bool,
        typer.Option(
            "--leave-out-overlap",
            help="With --external: exclude studies the model was made from, and count them.",
        ),
    ] = False,
    weights_dir: Annotated[
        Path | None, typer.Option(help="With --external: folder with the backbone's weights.")
    ] = None,
    device: Annotated[str, typer.Option(help="With --external: torch device.")] = "cpu",
    workers: Annotated[
        int | None, typer.Option(help="With --external: processes that embed.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --external: write over OUT.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Score a run on its test studies: RUN/metrics.parquet, RUN/report.html, the model card.

    Beside the metrics: operating points, predictive values, decision curve, subgroups,
    risk-coverage and sensitivity to the labels, each a Parquet table and a part of the report.

    With --external COHORT -o OUT the model is frozen and tested on another cohort: nothing is
    fitted there, only findings that its labels name exactly are scored, and studies that the model
    was made from are refused. Exit 1 if a scan could not be read again (OUT/rejects.csv).

    With --label-audit AUDIT the report also says, finding by finding, by how much errors of the
    labels may have moved the AUC, as far as the audit measured them.

    Example: molre evaluate runs/molre-0

    Example: molre evaluate runs/molre-0 --external other-hospital -o external/molre-0
    """
    from molre.evaluation.evaluate import metrics_table
    from molre.folders import claim
    from molre.workflows.evaluate_external import evaluate_external
    from molre.workflows.evaluate_run import evaluate_and_report

    prevalences = _prevalences(prevalence)
    if external is None:
        if out is not None or leave_out_overlap:
            raise MolreError(
                "--out and --leave-out-overlap go with --external",
                fix="add --external COHORT, or leave them out: a run's report is in the run",
            )
        evaluation = evaluate_and_report(run, prevalences=prevalences, label_audit=label_audit)
    elif label_audit is not None:
        raise MolreError(
            "--label-audit goes with a run that was evaluated",
            fix="run it without, then `molre evaluate OUT --label-audit AUDIT`",
        )
    elif out is None:
        raise MolreError("--external needs a folder to write", fix="add -o OUT")
    else:
        claim(out, "external")
        evaluation = evaluate_external(
            external,
            run,
            out,
            weights_dir=weights_dir,
            device=device,
            workers=workers,
            prevalences=prevalences,
            leave_out_overlap=leave_out_overlap,
            overwrite=overwrite,
        )
    if json:
        typer.echo(metrics_table(evaluation).write_json())
    else:
        _say(evaluation)
    raise typer.Exit(1 if evaluation.unread else 0)


def _prevalences(given: list[float] | None) -> tuple[float, ...]:
    for value in given or ():
        if not 0 < value < 1:
            raise MolreError(
                f"prevalence {value:g} is not between 0 and 1", fix="write 2 in 100 as 0.02"
            )
    return tuple(given or ())


def _say(evaluation: Evaluation) -> None:
    from molre.evaluation.endpoint import EMPTY
    from molre.output.numbers import interval, number
    from molre.output.synthetic_banner import scans_banner

    macro, run = evaluation.macro, evaluation.run
    scored = f"macro AUC {number(macro.value)} ({interval(macro.low, macro.high)}) over"
    typer.echo(
        f"{run.arm}, seed {run.seed}: "
        f"{f'{scored} {evaluation.size}' if evaluation.endpoint else f'no macro AUC: {EMPTY}'}, "
        f"{evaluation.studies} {'synthetic ' if run.scans_synthetic else ''}"
        f"{'external ' if run.manifest.get('external') else ''}test studies of "
        f"{evaluation.patients} patients"
    )
    if run.synthetic and not run.scans_synthetic:
        typer.echo(scans_banner(scans=False, model=True), err=True)
    for caution in evaluation.cautions:
        typer.echo(caution, err=True)
    typer.echo(f"report: {run.path / 'report.html'}")
