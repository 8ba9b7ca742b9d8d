"""The dear checks, for those who ask: scans read again, and the whole run trained again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch

from molre.audit.check import FAIL, FLAG, NUMBERS, Check, compared
from molre.audit.compare import cells, table_differences
from molre.audit.opened import Opened, read_table
from molre.errors import MolreError
from molre.model import folder
from molre.model.folder import TrainedModel
from molre.progress import track

PROBABILITY = 5e-3  # a scan embedded by itself, in another batch or on another device
WEIGHTS = 1e-4  # absolute and relative


def reread(opened: Opened, studies: int) -> Iterator[Check]:
    """Probabilities of test studies from the scans themselves: read, embed, score.

    Args:
        opened: the run.
        studies: how many, spread over the test split.
    """
    from molre.ct.volume_cache import scan, volumes_of
    from molre.pipeline import load
    from molre.training.data import spread

    name = "probabilities from the scans"
    reader = load(opened.path / "model", weights_dir=opened.weights_dir, device=opened.device)
    rows = {row["study"]: row for row in opened.cohort.chosen().iter_rows(named=True)}
    test = opened.splits["test"]
    chosen = [test.study[i] for i in spread(len(test), studies)]
    stored, volumes = _probabilities(opened), volumes_of(opened.cohort.path)
    found = []
    for study in track(chosen, "reading test scans again"):
        row = rows[study]
        try:
            volume = scan(row["content_hash"], row["files"], volumes, row["hu_map"])
        except MolreError as error:
            found.append(f"{study} cannot be read: {error.message}")
            continue
        again = reader.reading(volume, even_if_withheld=True).probabilities
        for finding, value in zip(opened.splits.findings, again, strict=True):
            told = stored.get((study, finding), float("nan"))
            if not abs(told - value) <= PROBABILITY:
                found.append(f"{study} {finding} is {told:.4f}, read again {value:.4f}")
    seen = len(chosen) * len(opened.splits.findings)
    yield compared(NUMBERS, f"{name} ({len(chosen)} of {len(test)} test studies)", seen, found)


def _probabilities(opened: Opened) -> dict[tuple[str, str], float]:
    test = opened.predictions.filter(pl.col("split") == "test")
    rows = test.select("study", "finding", "probability").iter_rows()
    return {(study, finding): float(p) for study, finding, p in rows}


def retrained(opened: Opened) -> Iterator[Check]:
    """The run trained again from its settings: history and weights come out the same.

    On a CPU, with the same versions, they do to the bit; other versions, processors or devices
    round otherwise, and training makes that larger, so there a difference is only a flag.
    """
    from molre.training.train import train

    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        out = Path(place) / "run"
        train(
            opened.cohort.path,
            out,
            opened.config,
            weights_dir=opened.weights_dir,
            device=opened.device,
            unverified=True,  # whoever trained the run took the backbone as it is
        )
        history = read_table(out / "history.parquet")
        found = table_differences(opened.history, history, ("learning_rate", "epoch"), WEIGHTS)
        name = "history and weights, trained again"
        model = folder.load(out / "model")
        found += _weights(opened.model, model)
        seen = cells(history) + sum(t.numel() for t in model.classifier.state_dict().values())
        check = compared(NUMBERS, name, seen, found)
        if check.outcome == FAIL and not _same_versions(opened, out):
            why = f"{check.found}; but the versions of the packages are not those of the run"
            check = Check(NUMBERS, name, FLAG, why)
        yield check


def _weights(stored: TrainedModel, again: TrainedModel) -> list[str]:
    old, new = stored.classifier.state_dict(), again.classifier.state_dict()
    if old.keys() != new.keys():
        return ["the model has other tensors"]
    return [
        f"weights {name} differ by up to {float((old[name] - new[name]).abs().max()):.3g}"
        for name in old
        if old[name].shape != new[name].shape
        or not torch.allclose(old[name], new[name], rtol=WEIGHTS, atol=WEIGHTS)
    ]


def _same_versions(opened: Opened, out: Path) -> bool:
    again = Opened(out).manifest["versions"]
    return bool(np.all([opened.manifest.get("versions", {}).get(k) == again[k] for k in again]))
