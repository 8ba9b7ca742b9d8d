"""The dear checks, for those who ask: scans read again, and the whole run trained again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from molre.audit.check import FAIL, FLAG, NUMBERS, Check, compared
from molre.audit.compare import cells, table_differences
from molre.audit.opened import Opened, read_table
from molre.embedding.inputs import to_inputs
from molre.errors import MolreError
from molre.model import folder
from molre.model.classifier import bank_indices
from molre.model.folder import TrainedModel
from molre.pipeline import Reader, load
from molre.progress import track

if TYPE_CHECKING:
    from molre.ct.volume import Volume

PROBABILITY = 5e-3  # a scan embedded by itself, in another batch or on another device
WEIGHTS = 1e-4  # absolute and relative


def reread(opened: Opened, studies: int) -> Iterator[Check]:
    """Probabilities of test studies from the scans themselves: read, embed, score.

    Args:
        opened: the run.
        studies: how many, spread over the test split.
    """
    from molre.ct.volume_cache import scan, volumes_of
    from molre.training.data import spread

    name = "probabilities from the scans"
    reader = load(opened.model_folder, weights_dir=opened.weights_dir, device=opened.device)
    rows = {row["study"]: row for row in opened.cohort.chosen().iter_rows(named=True)}
    stored, volumes = _probabilities(opened), volumes_of(opened.cohort.path)
    routed = _gates(opened)
    test = sorted({study for study, _ in stored})
    scored = {finding for _, finding in stored}
    chosen = [test[i] for i in spread(len(test), studies)]
    found = []
    for study in track(chosen, "reading test scans again"):
        row = rows[study]
        try:
            volume = scan(row["content_hash"], row["files"], volumes, row["hu_map"])
        except MolreError as error:
            found.append(f"{study} cannot be read: {error.message}")
            continue
        again, gates = _read(reader, volume)
        if gates is not None and study in routed:
            same = gates.shape == routed[study].shape
            apart = float((gates - routed[study]).abs().max()) if same else 1.0
            if apart > PROBABILITY:
                found.append(f"gates of {study} differ by up to {apart:.4f}")
        for entry, value in zip(reader.model.description.findings, again, strict=True):
            finding = entry.id
            if finding not in scored:  # an external cohort may not state it
                continue
            told = stored.get((study, finding), float("nan"))
            if not abs(told - value) <= PROBABILITY:
                found.append(f"{study} {finding} is {told:.4f}, read again {value:.4f}")
    seen = len(chosen) * len(scored)
    yield compared(NUMBERS, f"{name} ({len(chosen)} of {len(test)} test studies)", seen, found)


def _probabilities(opened: Opened) -> dict[tuple[str, str], float]:
    test = opened.predictions.filter(pl.col("split") == "test")
    rows = test.select("study", "finding", "probability").iter_rows()
    return {(study, finding): float(p) for study, finding, p in rows}


def _read(reader: Reader, volume: Volume) -> tuple[np.ndarray, torch.Tensor | None]:
    """Probabilities (K,) of a scan, and its gates (L, S', E) where there is a router."""
    inside = None
    if reader.adapted is None:
        embeddings = reader.embed(volume)[0]
    else:
        pixels, _ = to_inputs(volume, reader.backbone.contract)
        bank = bank_indices(volume.content_hash, len(pixels), reader.model.description.seed)
        embeddings, inside = reader.adapted.embed(pixels, bank)
    scores, _ = reader.score(embeddings, volume.content_hash)
    probabilities = reader.model.calibration.probabilities(scores.logits[0].double().numpy())
    gates = scores.gates if inside is None else inside.transpose(0, 1)
    return probabilities, None if gates is None else gates.float().cpu()


def _gates(opened: Opened) -> dict[str, torch.Tensor]:
    """Gates (L, S', E) of each test study; none of an external evaluation."""
    path = opened.path / "routing.parquet"
    if not path.is_file():
        return {}
    table = read_table(path)
    layers = table["layer"].n_unique()
    studies = table.partition_by("study", as_dict=True, maintain_order=True)
    flat = {str(study): torch.tensor(rows["gates"].to_list()) for (study,), rows in studies.items()}
    return {study: gates.unflatten(0, (layers, -1)) for study, gates in flat.items()}


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
