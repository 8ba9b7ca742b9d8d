"""``molre doctor``: what works here, and how to fix what does not."""

from __future__ import annotations

import json as encoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from molre.cli.tables import print_table


class Row(NamedTuple):
    """One check: PASS, WARN or FAIL, what was found, and the fix."""

    check: str
    result: str
    found: str
    fix: str = ""


def command(
    weights_dir: Annotated[
        Path | None, typer.Option(help="Folder with weights to check as well.")
    ] = None,
    cohort: Annotated[
        Path | None, typer.Option(help="Cohort whose volume cache is checked, byte for byte.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Check the installation: rows PASS, WARN or FAIL, each with its fix. Exit 2 on a FAIL.

    Example: molre doctor
    """
    rows = [row for check in CHECKS for row in check()]
    if weights_dir is not None:
        rows += list(_weights(weights_dir))
    if cohort is not None:
        rows += list(_volumes(cohort))
    if json:
        typer.echo(encoder.dumps([row._asdict() for row in rows], indent=2))
    else:
        _print(rows)
    raise typer.Exit(2 if any(row.result == "FAIL" for row in rows) else 0)


def _print(rows: list[Row]) -> None:
    from rich.table import Table

    colors = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
    table = Table(box=None, header_style="bold")
    for name in ("check", "result", "found", "fix"):
        table.add_column(name)
    for row in rows:
        color = colors[row.result]
        table.add_row(row.check, f"[{color}]{row.result}[/{color}]", row.found, row.fix)
    print_table(table)


def _python() -> Iterator[Row]:
    import platform

    version = platform.python_version()
    good = version.startswith(("3.11.", "3.12."))
    fix = "" if good else "use Python 3.11 or 3.12"
    yield Row("Python", "PASS" if good else "WARN", version, fix)


def _packages() -> Iterator[Row]:
    import importlib.metadata

    for name in ("torch", "torchvision", "timm", "transformers", "pydicom", "nibabel", "polars"):
        try:
            yield Row(name, "PASS", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Row(name, "FAIL", "not installed", "install molre again")


def _device() -> Iterator[Row]:
    import torch

    if torch.cuda.is_available():
        yield Row("accelerator", "PASS", torch.cuda.get_device_name(0))
    else:
        found = f"none; {torch.get_num_threads()} CPU threads"
        yield Row(
            "accelerator",
            "WARN",
            found,
            "fine for small cohorts; use --device cuda where there is a GPU",
        )


def _decoders() -> Iterator[Row]:
    from pydicom.pixels import get_decoder
    from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

    syntaxes = {
        "RLE": RLELossless,
        "JPEG lossless": JPEGLosslessSV1,
        "JPEG-LS": JPEGLSLossless,
        "JPEG 2000": JPEG2000Lossless,
    }
    for name, uid in syntaxes.items():
        ready = get_decoder(uid).is_available
        fix = "" if ready else "install molre again (python-gdcm, pyjpegls, pylibjpeg-openjpeg)"
        yield Row(f"decoder {name}", "PASS" if ready else "FAIL", "ready" if ready else "none", fix)


def _backbone() -> Iterator[Row]:
    from molre.backbones.catalogue import load
    from molre.embedding.embed import probe
    from molre.errors import MolreError

    try:
        backbone = load("efficientnet_lite0")
        width = probe(backbone).shape[-1]
        yield Row("backbone efficientnet_lite0", "PASS", f"embeds a slice to {width} numbers")
    except MolreError as error:
        yield Row("backbone efficientnet_lite0", "FAIL", error.what, error.fix or "")


def _disk() -> Iterator[Row]:
    import shutil

    free = shutil.disk_usage(Path.cwd()).free / 2**30
    enough = free > 5
    fix = "" if enough else "a cohort of 1,000 studies takes about 1 GB of embeddings"
    yield Row("free disk here", "PASS" if enough else "WARN", f"{free:.0f} GiB", fix)


def _weights(folder: Path) -> Iterator[Row]:
    found = sorted(p.name for p in folder.glob("**/*.safetensors")) if folder.is_dir() else []
    fix = "" if found else "put the backbone's safetensors there"
    yield Row("weights folder", "PASS" if found else "FAIL", ", ".join(found[:5]) or "none", fix)


def _volumes(cohort: Path) -> Iterator[Row]:
    from molre.cohort.cohort import Cohort
    from molre.ct.cache.volume_cache import volumes_of
    from molre.progress import track

    volumes = volumes_of(Cohort(cohort).path)
    damaged = list(track(volumes.damaged(), "checking volumes"))
    for _, what in damaged:
        yield Row(
            "volume cache", "WARN", what, "it is read from its original files again when needed"
        )
    if not damaged:
        yield Row("volume cache", "PASS", f"{len(volumes.hashes())} volumes, all intact")


CHECKS: tuple[Callable[[], Iterator[Row]], ...] = (
    _python,
    _packages,
    _device,
    _decoders,
    _disk,
    _backbone,
)
