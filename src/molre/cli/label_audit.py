"""``molre label-audit``: how far labels agree with the truth, or two labelers with each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from molre.evaluation.labels.agreement import LabelAudit


def command(
    labels: Annotated[Path, typer.Argument(help="Label table: long CSV or Parquet, or wide CSV.")],
    truth: Annotated[
        Path, typer.Argument(help="What it is held against; with --two-labelers another table.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    two_labelers: Annotated[
        bool, typer.Option("--two-labelers", help="Neither is the truth: say how far they agree.")
    ] = False,
    patients: Annotated[
        Path | None,
        typer.Option(help="Table with study and patient (a cohort's scans.parquet): group by it."),
    ] = None,
    sample: Annotated[
        Path | None,
        typer.Option(help="Of `molre label-sample`: compare its cells, by their weights."),
    ] = None,
    every_finding: Annotated[
        bool,
        typer.Option(
            "--every-finding",
            help="Also findings that one table never names; they count as not present there.",
        ),
    ] = False,
    reports: Annotated[
        Path | None, typer.Option(help="Texts: CSV, Parquet or JSONL with id and text.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="With --reports: page on which a reader decides each disagreement."),
    ] = None,
    every_state: Annotated[
        bool,
        typer.Option("--every-state", help="With --sheet: absent against not mentioned, too."),
    ] = False,
    id_column: Annotated[
        str | None, typer.Option(help="Column of LABELS that names the study.")
    ] = None,
    truth_id_column: Annotated[
        str | None, typer.Option(help="Column of TRUTH that names the study.")
    ] = None,
    ignore_column: Annotated[
        list[str] | None, typer.Option(help="A column that is not a finding; may be repeated.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over OUT.")] = False,
) -> None:
    """Compare labels with the truth, finding by finding: OUT/report.html, agreement.json, CSVs.

    Accuracy, sensitivity, PPV, F1, specificity and kappa with intervals, of each finding, pooled
    (micro) and on average (macro); and the four states against each other. A cell is present or
    not present (absent or not mentioned); uncertain ones are apart. Studies and findings that only
    one table has are counted, never dropped without a word.

    Example: molre label-audit labels.parquet reads.csv -o label-audit --patients scans.parquet

    Example: molre label-audit rules.csv llm.csv -o rules-llm --two-labelers --reports reports.csv
    --sheet differ.html
    """
    from molre.evaluation.labels.agreement_file import AGREEMENT
    from molre.workflows.label_audit import Tables, audit_labels

    tables = Tables(
        labels,
        truth,
        id_column,
        truth_id_column,
        ignore_column or (),
        patients,
        sample,
        two_labelers,
        every_finding,
        reports,
        sheet,
        every_state,
    )
    audit = audit_labels(tables, out, overwrite=overwrite)
    if json:
        typer.echo((out / AGREEMENT).read_text(encoding="utf-8"), nl=False)
    else:
        _say(audit, out, two=two_labelers)
    if sheet is not None:
        typer.echo(f"disagreements: {sheet}, which holds the text of patients' reports", err=json)


def _say(audit: LabelAudit, out: Path, *, two: bool) -> None:
    from molre.output.numbers import interval, number

    words = (
        {"accuracy": "agreement"}
        if two
        else {"accuracy": "accuracy", "sensitivity": "", "ppv": "PPV"}
    )
    words |= {"f1": "F1", "kappa": "kappa"}
    told = [
        f"{word or name} {number(one.value)} ({interval(one.low, one.high, 2)})"
        for name, word in words.items()
        if (one := audit.micro.numbers[name]) is not None
    ]
    left = audit.cells.left
    by = f"{audit.cells.clusters} patients" if audit.grouped else "each report on its own"
    typer.echo(
        f"{audit.micro.n:,} cells of {audit.cells.shared} studies and {len(audit.findings)} "
        f"finding{'s' if len(audit.findings) != 1 else ''}, {by}: "
        f"{', '.join(told) or 'nothing to compare'}"
    )
    if left.only_first or left.only_second:
        typer.echo(
            f"not compared: {left.only_first} of the studies of LABELS and {left.only_second} of "
            "TRUTH, which the other does not have",
            err=True,
        )
    typer.echo(f"report: {out / 'report.html'}")
