"""RUN/routing.parquet: the gates of the test studies, slice by slice, written and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.arrays import FloatArray
from molre.embedding.volume_pixels import WHOLE
from molre.errors import MolreError
from molre.runs.folder import AGAIN, RunFolder

SPLIT = "test"  # the only one whose gates are kept


@dataclass(frozen=True)
class Gates:
    """Gates of the test studies, averaged over each study's slices.

    Attributes:
        studies: N keys.
        layers: L names of the routed layers; at placement ``slice`` there is one.
        mean: (N, L, E) mean gate of each expert, sums to 1 over experts.
        entropy: (N, L) mean entropy of a slice's gates as a share of its maximum, log E.
        slices: slices behind the averages.
    """

    studies: tuple[str, ...]
    layers: tuple[str, ...]
    mean: FloatArray
    entropy: FloatArray
    slices: int


def gate_rows(
    studies: Sequence[str], slices: Sequence[np.ndarray], layer: str, gates: list[list[float]]
) -> pl.DataFrame:
    """Rows of one layer: study, split, slice (index in the series), layer, gates.

    The slice is null where the gates are of a whole volume.

    Args:
        studies: N keys of the test split.
        slices: of each study, int (S,).
        layer: its name.
        gates: E of each slice of all studies, one study after the other.
    """
    return pl.DataFrame(
        {
            "study": [s for s, index in zip(studies, slices, strict=True) for _ in index],
            "split": [SPLIT] * len(gates),
            "slice": [None if i == WHOLE else int(i) for i in np.concatenate(slices)],
            "layer": [layer] * len(gates),
            "gates": gates,
        },
        schema_overrides={"slice": pl.Int32, "gates": pl.List(pl.Float32)},
    )


def read_gates(run: RunFolder, studies: Sequence[str]) -> Gates | None:
    """Gates of a run's test studies; None for an arm without a router.

    Args:
        run: the RUN folder.
        studies: N keys, sorted.

    Raises:
        MolreError: damaged, or not of these studies.
    """
    source = run.table("routing")
    if not source.is_file():
        return None
    table = run.read("routing", "study", "split", "gates").filter(pl.col("split") == SPLIT)
    if "layer" not in table.columns:  # of a run from before layers were named
        table = table.with_columns(layer=pl.lit("last"))
    parts = table.partition_by("layer", maintain_order=True, as_dict=True) or {("",): table}
    layers = [_of_layer(part, list(studies), source) for part in parts.values()]
    if len({(mean.shape, slices) for mean, _, slices in layers}) != 1:
        raise MolreError("its layers do not agree", where=source, fix=AGAIN)
    return Gates(
        tuple(studies),
        tuple(str(name) for (name,) in parts),
        np.stack([mean for mean, _, _ in layers], axis=1),
        np.stack([entropy for _, entropy, _ in layers], axis=1),
        layers[0][2],
    )


def _of_layer(
    table: pl.DataFrame, studies: list[str], source: Path
) -> tuple[FloatArray, FloatArray, int]:
    """Mean gates (N, E), entropy (N,) and the number of slices of one layer."""
    lengths = table["gates"].list.len().unique()
    if sorted(table["study"].unique().to_list()) != studies or len(lengths) != 1:
        what = f"does not hold gates of the {SPLIT} studies of predictions.parquet"
        raise MolreError(what, where=source, fix=AGAIN)
    experts = int(lengths[0])
    flat = table["gates"].explode().cast(pl.Float64).to_numpy().reshape(-1, experts)
    position = {study: i for i, study in enumerate(studies)}
    owner = np.array([position[study] for study in table["study"]], dtype=np.intp)
    slices = np.bincount(owner, minlength=len(studies))
    mean = np.zeros((len(studies), experts))
    np.add.at(mean, owner, flat)
    entropy = np.bincount(owner, weights=entropy_by_slice(flat), minlength=len(studies))
    return mean / slices[:, None], entropy / slices, len(table)


def entropy_by_slice(gates: FloatArray) -> FloatArray:
    """Entropy of each row of gates as a share of its maximum.

    Args:
        gates: (S, E), rows sum to 1.

    Returns:
        (S,) in [0, 1]; 1 for a single expert, which is always fully used.
    """
    experts = gates.shape[1]
    if experts == 1:
        return np.ones(len(gates))
    logs = np.log(np.where(gates > 0, gates, 1.0))
    return np.asarray(-(gates * logs).sum(axis=1) / np.log(experts))
