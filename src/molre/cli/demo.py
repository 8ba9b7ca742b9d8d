"""``molre demo``: the whole system on synthetic scans; read it as a table of contents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from molre.evaluation.comparison.compare import Comparison
    from molre.training.config import TrainConfig

STUDIES = 160
PREVALENCE = 0.4
FINDINGS = (
    "epidural_hemorrhage",
    "acute_subdural_hemorrhage",
    "intraventricular_hemorrhage",
    "deep_hemorrhage",
    "acute_infarct",
    "chronic_infarct",
    "calvarial_fracture",
    "pneumocephalus",
    "meningioma",
    "midline_shift",
    "cerebral_atrophy",
    "paranasal_sinus_disease",
)
FRACTIONS = (0.50, 0.12, 0.14, 0.24)  # train, tune, calibrate, test: a test set worth a table
# of every arm; all else is TrainConfig's
BUDGET: dict[str, Any] = {
    "max_steps": 500,
    "patience_steps": 150,
    "learning_rates": (1e-3, 3e-3),
}


def command(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the phantoms.")] = 1,
    studies: Annotated[int, typer.Option(help="Synthetic studies.")] = STUDIES,
    seeds: Annotated[int, typer.Option(help="Training seeds of each arm.")] = 3,
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    device: Annotated[str, typer.Option(help="torch device to embed on.")] = "cpu",
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Start again from nothing.")] = False,
) -> None:
    """Run everything, offline: phantoms, ingest, split, embed, train all arms, compare, predict.

    The scans are synthetic, so the numbers show that the system works, not how it performs on
    patients. A second table shows whether the method finds routing where it was planted. Run it
    again to resume where it stopped.

    Example: molre demo -o demo
    """
    from molre.arms.arms import METHOD, at_placement
    from molre.cli.control import show
    from molre.cohort.ingest import ingest
    from molre.cohort.match import match_labels
    from molre.cohort.split import split
    from molre.evaluation.comparison.compare import compare
    from molre.folders import claim
    from molre.output.cohort.report import write_contact_sheet
    from molre.output.comparison.report import write_comparison_report
    from molre.phantom.write import write_phantoms
    from molre.pipeline import load
    from molre.runs.folder import RunFolder
    from molre.training.config import TrainConfig, resolve
    from molre.workflows.evaluate_run import evaluate_and_report
    from molre.workflows.example_cases import run_examples
    from molre.workflows.prediction_folder import write_predictions
    from molre.workflows.routing_control import SMALL, SMALL_SETTINGS, routing_control

    claim(out, "demo")
    if overwrite:
        forget(out)
    _say(f"1/7 writing {studies} synthetic studies (phantoms)")
    write_phantoms(
        out / "phantoms",
        studies=studies,
        seed=seed,
        findings=FINDINGS,
        prevalence=PREVALENCE,
        workers=workers,
    )
    _say("2/7 ingest: DICOM to a cohort")
    cohort = out / "cohort"
    done = ingest([out / "phantoms"], cohort, workers=workers, salt=f"molre demo {seed}".encode())
    write_contact_sheet(done.cohort)
    match_labels(cohort, out / "phantoms" / "labels.csv")
    split(cohort, fractions=FRACTIONS)
    runs = []
    arms = at_placement("slice")
    for number, arm in enumerate(arms):
        for run_seed in range(seeds):
            _say(f"3/7 train arm {number + 1} of {len(arms)}: {arm}, seed {run_seed}")
            config = TrainConfig(arm=arm, seed=run_seed, **BUDGET)
            runs.append(_train(cohort, out / "runs" / f"{arm}-{run_seed}", config, device, workers))
    _say("4/7 evaluate")
    evaluations = [evaluate_and_report(run) for run in runs]
    _say("5/7 compare")
    comparison = compare(runs, out)
    shown = next(e for e in evaluations if e.run.arm == METHOD)
    write_comparison_report(comparison, out / "report.html", run_examples(shown))
    _say("6/7 predict one study that no model was trained on")
    write_phantoms(out / "new", studies=1, seed=seed + 1000, findings=FINDINGS, prevalence=0.4)
    reader = load(RunFolder(out / "runs" / f"{METHOD}-0").model, device=device)
    written = write_predictions(reader, [out / "new"], out / "prediction")
    _say("7/7 control: is routing found where it was planted?")
    control = routing_control(out / "control", SMALL, resolve(**SMALL_SETTINGS), workers=workers)
    _finish(comparison, out, written.as_text(), json)
    if not json:
        show(control)


def forget(out: Path) -> None:
    """Remove what a demo writes, and nothing that somebody else put beside it."""
    import shutil

    for folder in ("cohort", "runs", "new", "prediction", "control", "phantoms"):
        shutil.rmtree(out / folder, ignore_errors=True)
    for file in ("comparison.csv", "contrasts.csv", "report.html", "report.json"):
        (out / file).unlink(missing_ok=True)


def _train(cohort: Path, run: Path, config: TrainConfig, device: str, workers: int | None) -> Path:
    from molre.training.train import train

    return train(cohort, run, config, device=device, workers=workers)


def _finish(comparison: Comparison, out: Path, predicted: str, json: bool) -> None:
    from molre.evaluation.comparison.compare import findings_table
    from molre.output.comparison.text import comparison_table

    if json:
        typer.echo(findings_table(comparison.result).write_json())
        return
    from rich.console import Console

    Console().print(comparison_table(comparison))
    typer.echo(
        "These scans are synthetic: this shows that the system runs from DICOM to compared arms,\n"
        "and says nothing about patients."
    )
    typer.echo(f"one new study: {predicted}")
    typer.echo(f"contact sheet: {out / 'cohort' / 'index.html'}")
    typer.echo(f"report:        {out / 'report.html'}")


def _say(step: str) -> None:
    typer.echo(step, err=True)
