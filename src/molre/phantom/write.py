"""Write a set of phantoms: many studies, several processes, resumable."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from molre.errors import MolreError
from molre.files import write_text
from molre.phantom.dicom import write_series
from molre.phantom.enhanced import write_enhanced
from molre.phantom.plan import PREVALENCE, Recipe
from molre.phantom.study import make_study
from molre.phantom.truth import README, write_labels, write_truth
from molre.progress import track
from molre.workers.count import processes
from molre.workers.own_work import in_order

FORMAT_VERSION = 2  # 2: weak findings drawn again


@dataclass(frozen=True)
class PhantomSet:
    """What `write_phantoms` did: studies made now, found complete, and in labels.csv."""

    out: Path
    made: int
    kept: int
    studies: int


def write_phantoms(
    out: str | Path,
    studies: int,
    seed: int = 0,
    *,
    severity: float = 1.0,
    level_dependent: bool = False,
    findings: Sequence[str] | None = None,
    prevalence: float | None = None,
    max_slices: int | None = None,
    enhanced: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
) -> PhantomSet:
    """Write synthetic head CT studies with known findings; a rerun goes on where one stopped.

    A study is fixed by its number and the values below, whatever ``workers`` is. A study's folder
    appears whole or not at all.

    Args:
        out: folder for ``study_NNNNN/``, ``truth/``, ``labels.csv``, ``phantom.json``.
        studies: how many.
        seed: names the set.
        severity: scales extent and contrast of every finding.
        level_dependent: plant looks whose meaning depends on the level.
        findings: ids that may be planted; None means all that have a generator.
        prevalence: chance of each finding; None means 0.08.
        max_slices: at most so many slices a study.
        enhanced: one Enhanced CT object a study, with the same pixels and places, in the stead of
            one file a slice.
        workers: processes; one for each core by default.
        overwrite: replace phantoms that other values made.

    Raises:
        MolreError: for unknown findings, values out of range, or a folder that holds other things.
    """
    if studies < 1:
        raise MolreError(
            f"{studies} studies leave nothing to write", where="--studies", fix="give 1 or more"
        )
    if seed < 0:
        raise MolreError(f"seed {seed} is negative", where="--seed", fix="give 0 or more")
    recipe = Recipe(
        seed=seed,
        severity=float(severity),
        level_dependent=level_dependent,
        findings=None if findings is None else tuple(findings),
        prevalence=PREVALENCE if prevalence is None else float(prevalence),
        max_slices=max_slices,
    )
    out = Path(out)
    _claim(out, recipe, enhanced, overwrite)
    missing = [i for i in range(studies) if not (out / _name(i)).is_dir()]
    _write_all(out, recipe, missing, enhanced, processes(workers))
    return PhantomSet(out, len(missing), studies - len(missing), write_labels(out))


def _name(index: int) -> str:
    return f"study_{index:05d}"


def _claim(out: Path, recipe: Recipe, enhanced: bool, overwrite: bool) -> None:
    """Make the folder ours, or say why it cannot be."""
    form = {"enhanced": True} if enhanced else {}
    values = {"format_version": FORMAT_VERSION, "synthetic": "phantom", **asdict(recipe), **form}
    settings = json.loads(json.dumps(values))
    note = out / "phantom.json"
    if out.exists() and not out.is_dir():
        raise MolreError("this is a file, not a folder", where=out, fix="choose another folder")
    if note.is_file():
        try:
            same = json.loads(note.read_text(encoding="utf-8")) == settings
        except ValueError:
            same = False
        if not same and not overwrite:
            raise MolreError(
                "the folder holds phantoms made with other values",
                where=out,
                fix="choose another folder, or replace them with --overwrite",
            )
        if overwrite:
            _clear(out)
    elif out.is_dir() and any(out.iterdir()):
        raise MolreError(
            "the folder is not empty and holds no phantoms", where=out, fix="choose a new folder"
        )
    for leftover in [*out.glob(".study_*.part"), *out.glob("truth/.study_*.part")]:
        shutil.rmtree(leftover, ignore_errors=True)
    write_text(note, json.dumps(settings, indent=1))
    write_text(out / "README.txt", README)


def _clear(out: Path) -> None:
    """Remove what a former run wrote here, and nothing else."""
    for folder in [*out.glob("study_*"), out / "truth"]:
        shutil.rmtree(folder, ignore_errors=True)
    (out / "labels.csv").unlink(missing_ok=True)


def _write_all(out: Path, recipe: Recipe, indices: list[int], enhanced: bool, workers: int) -> None:
    if workers <= 1 or len(indices) < 2:
        for index in track(indices, "writing phantoms"):
            _write_one(index, out, recipe, enhanced)
        return
    written = in_order(
        _write_one,
        indices,
        (out, recipe, enhanced),
        workers,
        doing="writing phantoms",
        ahead=2 * workers,
        start="spawn",
    )
    for _ in track(written, "writing phantoms", total=len(indices)):
        pass


def _write_one(index: int, out: Path, recipe: Recipe, enhanced: bool) -> None:
    study = make_study(recipe, index)
    truth, series = out / "truth" / f".{_name(index)}.part", out / f".{_name(index)}.part"
    try:
        for part in (truth, series):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        write_truth(study, recipe, truth)
        (write_enhanced if enhanced else write_series)(study, recipe, series)
        shutil.rmtree(out / "truth" / _name(index), ignore_errors=True)
        os.replace(truth, out / "truth" / _name(index))
        os.replace(series, out / _name(index))  # last: this folder says that the study is whole
    except OSError as error:
        raise MolreError(
            f"cannot write the study ({error.strerror or error})",
            where=out,
            fix="free some space or choose another folder, then run again",
        ) from error
    finally:
        for part in (truth, series):
            shutil.rmtree(part, ignore_errors=True)
