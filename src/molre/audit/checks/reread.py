"""Some studies read from their scans again: embeddings, probabilities, gates and headers.

All that a run scores rests on a cache of embeddings, which anyone can write. Which studies are
read is drawn at random each time, test studies first, so that nobody knows them in advance.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch

from molre.audit.check import (
    DATA,
    FLAG,
    NUMBERS,
    PASS,
    SHOWN,
    Check,
    NotAvailableError,
    compared,
    not_checked,
)
from molre.audit.run_under_audit import RunUnderAudit
from molre.audit.scans import at_hand, originals, volume_of
from molre.ct.volume import Volume, shown_age
from molre.embedding.prepare import to_inputs
from molre.errors import MolreError
from molre.model.classifier import bank_indices
from molre.pipeline import Reader, load
from molre.progress import track
from molre.runs.reading import read_table

NAME = "embeddings and probabilities from the scans"
HEADERS = "scans.parquet from the headers of the scans"
UNSEEN = "the cache was not compared with the scans"
STUDIES = 3  # read again unless another number is asked for
PROBABILITY = 5e-3  # a scan embedded by itself, in another batch or on another device
GATE = 3e-2  # likewise, of an even gate: 48 gates are smaller than six
EMBEDDING = {"float32": 5e-3}  # length of the difference over the embedding's; half is kept
LOW_PRECISION = 3e-2
SPLITS = ("test", "calibrate", "tune", "train")
COLUMNS = ("manufacturer", "kernel", "kvp", "slice_thickness", "sex", "contrast")


@dataclass
class _Found:
    """What came of the studies read so far."""

    seen: int = 0
    differ: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    headers: int = 0
    odd: list[str] = field(default_factory=list)


def reread(opened: RunUnderAudit, studies: int, seed: int | None = None) -> Iterator[Check]:
    """Read studies from their scans and compare what the run's files say of them.

    Args:
        opened: the run.
        studies: how many, drawn from the test split and then from the others.
        seed: of the draw; a new one each time by default, and said.

    Raises:
        NotAvailableError: the cohort or the backbone's weights are not there.
    """
    if not studies:
        yield not_checked(NUMBERS, NAME, f"{UNSEEN}: --reread 0")
        return
    try:
        rows = {row["study"]: row for row in opened.cohort.chosen().iter_rows(named=True)}
        reading, found = _Reading(opened), _Found()
    except NotAvailableError as error:
        raise NotAvailableError(f"{UNSEEN}: {error.what}") from None
    seed = secrets.randbelow(2**31) if seed is None else seed
    ordered = _order(opened, seed)
    chosen = ordered[:studies]
    told = f"{len(chosen)} of {len(ordered)} studies, drawn by seed {seed}"
    for study in track(chosen, "reading scans again"):
        row = rows.get(study)
        if row is None:
            found.differ.append(f"{study} is not in the cohort")
        elif not at_hand(opened.cohort, row):
            found.gone.append(study)
        else:
            reading.one(row, found)
    if found.gone:
        why = f"the scans of {len(found.gone)} of the {told}, are not available"
        yield not_checked(NUMBERS, NAME, f"{UNSEEN}: {why}")
    if len(found.gone) < len(chosen):
        yield compared(NUMBERS, f"{NAME} ({told})", found.seen, found.differ)
    if found.headers:
        yield _headers(found)


def _headers(found: _Found) -> Check:
    """Readers of headers change, so a difference is for a person to look at.

    What a table does not know, an older molre may not have read.
    """
    if not found.odd:
        return Check(DATA, HEADERS, PASS, f"{found.headers} values agree")
    more = f"; and {len(found.odd) - SHOWN} more" if len(found.odd) > SHOWN else ""
    return Check(DATA, HEADERS, FLAG, "; ".join(found.odd[:SHOWN]) + more)


def _order(opened: RunUnderAudit, seed: int) -> list[str]:
    """Every study of the run: each split in an order that the seed draws, test first.

    Only test studies of an external evaluation are of its cohort.
    """
    table = opened.predictions.select("study", "split").unique()
    splits = SPLITS[:1] if opened.external else SPLITS
    names = {name: set(table.filter(pl.col("split") == name)["study"]) for name in splits}
    if not opened.external and opened.has("splits"):
        names["train"] = set(opened.splits["train"].study)
    draw, ordered = random.Random(seed), []
    for name in splits:
        members = sorted(names[name])
        draw.shuffle(members)
        ordered += members
    return ordered


class _Reading:
    """A run's model, and what its files say of each study."""

    def __init__(self, opened: RunUnderAudit):
        self.opened, self.probabilities = opened, _probabilities(opened)
        self.scored, self.gates = {finding for _, finding in self.probabilities}, _gates(opened)
        try:
            self.reader = load(
                opened.model_folder, weights_dir=opened.weights_dir, device=opened.device
            )
        except MolreError as error:
            raise NotAvailableError(error.what) from None
        kept = opened.external and self.reader.adapted is not None  # keeps no embeddings
        self.cache = opened.cache if not kept and opened.has("embeddings") else None

    def one(self, row: dict[str, Any], found: _Found) -> None:
        """Compare one study."""
        study = row["study"]
        try:
            volume = volume_of(self.opened.cohort, row)
        except MolreError as error:
            found.differ.append(f"{study} cannot be read: {error.what}")
            return
        if volume.acquisition.synthetic and not self.opened.manifest.get("synthetic"):
            found.differ.append(f"{study} is a phantom by its header, and the run calls it real")
        if originals(row):
            _compare_header(row, volume, found)
        embeddings, again, gates = _read(self.reader, volume)
        found.differ += self._embedding(row, embeddings) + self._gates(study, gates)
        found.seen += embeddings.numel() + self._compare(study, again, found)

    def _compare(self, study: str, again: np.ndarray, found: _Found) -> int:
        entries = self.reader.model.description.findings
        if not any((study, entry.id) in self.probabilities for entry in entries):
            return 0  # a training study
        for entry, value in zip(entries, again, strict=True):
            if entry.id not in self.scored:  # an external cohort may not state it
                continue
            told = self.probabilities.get((study, entry.id), float("nan"))
            if not abs(told - value) <= PROBABILITY:
                found.differ.append(
                    f"{study} {entry.id} is {told:.4f}, {value:.4f} when read again"
                )
        return len(self.scored)

    def _embedding(self, row: dict[str, Any], again: torch.Tensor) -> list[str]:
        if self.cache is None or row["content_hash"] not in self.cache:
            return []
        stored, study = self.cache.get(row["content_hash"]).float(), row["study"]
        if stored.shape != again.shape:
            return [
                f"the embedding of {study} has {len(stored)} slices, {len(again)} when read again"
            ]
        apart = float((stored - again).norm() / again.norm().clamp(min=1e-9))
        near = EMBEDDING.get(self.reader.backbone.precision, LOW_PRECISION)
        if not apart <= near:
            return [f"the embedding of {study} is off by {100 * apart:.1f} % of its norm"]
        return []

    def _gates(self, study: str, gates: torch.Tensor | None) -> list[str]:
        stored = self.gates.get(study)
        if gates is None or stored is None:
            return []
        same = gates.shape == stored.shape
        apart = float((gates - stored).abs().max()) if same else 1.0
        far = apart * gates.shape[-1] > GATE
        return [f"gates of {study} differ by up to {apart:.4f}"] if far else []


def _compare_header(row: dict[str, Any], volume: Volume, found: _Found) -> None:
    header = volume.acquisition
    again = {name: getattr(header, name) for name in COLUMNS} | {"age": shown_age(header.age)}
    for name, value in again.items():
        found.headers += 1
        told = row.get(name)
        if told is not None and told != value and not _close(told, value):
            found.odd.append(f"{name} of {row['study']} is {told}, in its header {value}")


def _close(one: object, other: object) -> bool:
    """Floats that a table may have rounded."""
    pair = isinstance(one, int | float) and isinstance(other, int | float)
    return pair and bool(np.isclose(float(str(one)), float(str(other)), rtol=1e-3))


def _probabilities(opened: RunUnderAudit) -> dict[tuple[str, str], float]:
    rows = opened.predictions.select("study", "finding", "probability").iter_rows()
    return {(study, finding): float(p) for study, finding, p in rows}


def _read(reader: Reader, volume: Volume) -> tuple[torch.Tensor, np.ndarray, torch.Tensor | None]:
    """Embeddings, probabilities (K,) and, where there is a router, gates (L, S', E) of a scan."""
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
    return embeddings.float().cpu(), probabilities, None if gates is None else gates.float().cpu()


def _gates(opened: RunUnderAudit) -> dict[str, torch.Tensor]:
    """Gates (L, S', E) of each test study; none of an external evaluation."""
    path = opened.folder.table("routing")
    if not path.is_file():
        return {}
    table = read_table(path)
    layers = table["layer"].n_unique() if "layer" in table.columns else 1
    studies = table.partition_by("study", as_dict=True, maintain_order=True)
    flat = {str(study): torch.tensor(rows["gates"].to_list()) for (study,), rows in studies.items()}
    return {study: gates.unflatten(0, (layers, -1)) for study, gates in flat.items()}
