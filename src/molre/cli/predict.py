"""``molre predict``: a model reads studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    model: Annotated[Path, typer.Argument(help="Model folder: RUN/model.")],
    studies: Annotated[
        list[Path], typer.Argument(help="Studies: DICOM file, folder, zip or tar, or a NIfTI.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write results to.")],
    even_if_withheld: Annotated[
        bool, typer.Option(help="Give probabilities of withheld scans too; their status stays.")
    ] = False,
    hu_map: Annotated[
        str | None,
        typer.Option(help="NIfTI not in HU: cormack, h2c or SCALE:INTERCEPT, e.g. 1:-1024."),
    ] = None,
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with the backbone's weights.")
    ] = None,
    trust_remote_code: Annotated[
        bool,
        typer.Option("--trust-remote-code", help="Allow code that came with its weights to run."),
    ] = False,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map", help="Also write a CSV that says whose study is whose here, outside OUT."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="For the backbone: auto, cpu, cuda, cuda:N, mps or xpu.")
    ] = "cpu",
    workers: Annotated[int | None, typer.Option(help="Threads; all cores by default.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the predictions as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace existing results.")] = False,
) -> None:
    """Read studies: OUT/<study>/prediction.json and report.html for each, OUT/index.html of all.

    OUT/predictions.csv has a row for each study. A scan that is not a whole adult non-contrast
    head, or far from the training scans, is withheld: read and reported, without probabilities.
    Withheld counts as an answer. Exit 0 every study was answered, 1 some or all were refused
    (rejects.csv), 2 nothing that could be a scan, or wrong usage.

    Example: molre predict runs/molre-0/model study/ -o out
    """
    from molre.folders import claim, claim_map
    from molre.output.prediction.tables import MAP_COLUMNS, OF_PREDICTIONS
    from molre.pipeline import load
    from molre.workflows.prediction_folder import write_predictions

    claim(out, "predictions")
    if map_file is not None:
        claim_map(map_file, out, OF_PREDICTIONS, ",".join(MAP_COLUMNS))
    reader = load(
        model, weights_dir=weights_dir, device=device, trust_remote_code=trust_remote_code
    )
    written = write_predictions(
        reader,
        studies,
        out,
        even_if_withheld=even_if_withheld,
        hu_map=hu_map,
        threads=workers,
        overwrite=overwrite,
        map_file=map_file,
    )
    if json:
        typer.echo(written.as_json())
    else:
        typer.echo(written.as_text())
    raise typer.Exit(written.exit_code)
