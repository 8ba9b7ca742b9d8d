"""The predictions of one split of a run, as grids of studies by findings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.arrays import FloatArray
from molre.errors import MolreError
from molre.runs.folder import AGAIN

_SHOWN = 3  # patients named in a refusal


@dataclass(frozen=True)
class SplitScores:
    """What a model says of one split.

    Attributes:
        studies, patients: N keys, sorted by study.
        labels: (N, K) 1, 0 or nan unknown.
        logits, probabilities: (N, K).
    """

    studies: tuple[str, ...]
    patients: tuple[str, ...]
    labels: FloatArray
    logits: FloatArray
    probabilities: FloatArray


def split_scores(
    table: pl.DataFrame, split: str, findings: tuple[str, ...], source: Path
) -> SplitScores | None:
    """The grids of one split; None where it has no study.

    Args:
        table: predictions.parquet.
        split: e.g. ``test``.
        findings: K ids.
        source: the file, for refusals.

    Raises:
        MolreError: not each finding once for each study, or a value that cannot be.
    """
    table = table.filter(pl.col("split") == split).sort("study")
    if table.is_empty():
        return None
    studies, row = np.unique(table["study"].to_numpy(), return_inverse=True)
    column = _columns(table, findings, source)
    if len(table) != len(studies) * len(findings) or _repeats(row, column, len(findings)):
        raise MolreError("needs each finding once for each study", where=source, fix=AGAIN)
    grids = {}
    for name in ("label", "logit", "probability"):
        grids[name] = np.full((len(studies), len(findings)), np.nan)
        grids[name][row, column] = table[name].cast(pl.Float64).to_numpy()
    _check_values(grids, source)
    patients = np.empty(len(studies), dtype=object)
    patients[row] = table["patient"].to_list()
    return SplitScores(
        tuple(str(s) for s in studies),
        tuple(str(p) for p in patients),
        grids["label"],
        grids["logit"],
        grids["probability"],
    )


def refuse_shared_patients(table: pl.DataFrame, source: Path) -> None:
    """A patient in two splits makes test numbers too good.

    Args:
        table: with columns patient and split.
        source: the file, for the refusal.

    Raises:
        MolreError: some patients are in more than one split.
    """
    splits = table.group_by("patient").agg(pl.col("split").unique().sort()).sort("patient")
    shared = splits.filter(pl.col("split").list.len() > 1)
    if shared.is_empty():
        return
    many = len(shared)
    who = ", ".join(str(p) for p in shared["patient"].head(_SHOWN)) + (", ..." * (many > _SHOWN))
    between = sorted({" and ".join(names) for names in shared["split"].to_list()})
    raise MolreError(
        f"{many} patient{'s are' if many > 1 else ' is'} in more than one split "
        f"({'; '.join(between)}): {who}",
        where=source,
        fix="assign the patients again (molre split COHORT --overwrite) and train again",
    )


def _columns(table: pl.DataFrame, findings: tuple[str, ...], source: Path) -> np.ndarray:
    position = {finding: k for k, finding in enumerate(findings)}
    unknown = sorted(set(table["finding"].to_list()) - set(position))
    if unknown:
        what = f"finding {unknown[0]!r} is not in manifest.json"
        raise MolreError(what, where=source, fix=AGAIN)
    return np.array([position[finding] for finding in table["finding"]], dtype=np.intp)


def _repeats(row: np.ndarray, column: np.ndarray, findings: int) -> bool:
    return len(np.unique(row * findings + column)) != len(row)


def _check_values(grids: dict[str, FloatArray], source: Path) -> None:
    label, probability = grids["label"], grids["probability"]
    if not np.isin(label[~np.isnan(label)], (0, 1)).all():
        raise MolreError("a label is not 0, 1 or empty", where=source, fix=AGAIN)
    if not np.isfinite(grids["logit"]).all():
        raise MolreError("a logit is not a finite number", where=source, fix=AGAIN)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise MolreError("a probability is outside 0 to 1", where=source, fix=AGAIN)
