"""What an audit can use: a run's files, and its cohort and embeddings if still there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from molre.audit.check import (
    FAIL,
    FILES,
    FLAG,
    INSTALLATION,
    PASS,
    SHOWN,
    Check,
    NotAvailableError,
    not_checked,
)
from molre.backbones.backbone import Backbone
from molre.cohort.cohort import Cohort
from molre.embedding.cache import EmbeddingCache
from molre.errors import MolreError
from molre.labels.findings import findings
from molre.model.adapted_backbone import NETWORK_FILE
from molre.model.folder import ModelDescription, TrainedModel, describe
from molre.model.folder import load as load_model
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.embeddings_of_run import open_embeddings
from molre.runs.folder import EMBEDDINGS, MODEL, OF_TRAINING, REJECTS, WRITTEN, RunFolder
from molre.runs.manifest import read_manifest
from molre.runs.model_of_run import run_of_model
from molre.runs.run import read_run
from molre.training.config import TrainConfig, checked
from molre.training.load_splits import Splits, load_splits


class NotKeptError(NotAvailableError):
    """A kind of run has no such part, and needs none."""


# no external evaluation has these
BLOCKS = {"adapter", NETWORK_FILE}  # what a model keeps of a backbone that was trained
TRAINED = OF_TRAINING | BLOCKS | {"model.safetensors", "checksums.json"}
IN_MODEL = BLOCKS | {"model.json", "model.safetensors", "README.md", "checksums.json"}
STRANGERS = "no file that molre did not write"
GONE = "its cohort is not available (--cohort says where it is)"


@dataclass(frozen=True)
class RunUnderAudit:
    """A RUN folder and what belongs to it.

    A part that cannot be opened is told once, by :meth:`whole`; a check that asks for it then
    hears :class:`NotAvailableError`.

    Args:
        path: the run.
        moved: the cohort's folder, where it is no longer where the run was trained.
        weights_dir: folder with the backbone's weights, where they are not installed.
        device: torch device of the backbone.

    Raises:
        MolreError: the folder is not a run.
    """

    path: Path
    moved: Path | None = None
    weights_dir: Path | None = None
    device: str = "cpu"
    _parts: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Look at the manifest, which is what makes a folder a run."""
        if not self.path.is_dir():
            raise MolreError("no such folder", where=self.path, fix="give a RUN folder")
        if not self.folder.is_whole:
            raise MolreError(
                "is not a run (it has no manifest.json)",
                where=self.path,
                fix="give the RUN folder of `molre train`, or BENCH of `molre benchmark`",
            )
        _ = self.manifest

    def whole(self) -> Iterator[Check]:
        """Open every part: is it there, and whole."""
        for name, (words, opening) in _PARTS.items():
            try:
                self._parts[name] = opening(self)
            except NotKeptError as error:
                self._parts[name] = error
            except NotAvailableError as error:
                self._parts[name] = error
                yield not_checked(FILES, words, error.message)
            except INSTALLATION:
                raise
            except Exception as error:  # whatever a damaged file does: it is damaged
                said = error.message if isinstance(error, MolreError) else repr(error)
                self._parts[name] = NotAvailableError(f"{words} cannot be opened")
                yield Check(FILES, words, FAIL, said)
            else:
                yield Check(FILES, words, PASS, "whole")

    def strangers(self) -> Iterator[Check]:
        """Files that nothing of molre writes into a run, and that nothing here looks at."""
        left = TRAINED if self.external else {REJECTS}
        if not self.external and self.folder.config.is_file():
            left |= set() if self._inside() else BLOCKS | {EMBEDDINGS}
        yield from strangers(self.path, WRITTEN - left, {MODEL: IN_MODEL - left})

    def _inside(self) -> bool:
        """Whether its arm has an adapter in the backbone."""
        return self.has("description") and self.description.blocks != "none"

    def has(self, name: str) -> bool:
        """Whether a part could be opened: ``cohort``, ``model``, ``embeddings`` ..."""
        return not isinstance(self._parts[name], NotAvailableError)

    def fresh_backbone(self) -> Backbone:
        """The run's backbone as its own weights make it, whatever the run's files say of it.

        Raises:
            NotAvailableError: its weights are not available.
        """
        try:
            return self.description.backbone.request(weights_dir=self.weights_dir).load()
        except MolreError as error:
            what = f"the backbone's weights are not available: {error.what}"
            raise NotAvailableError(what) from None

    @property
    def external(self) -> bool:
        """Whether it is a frozen model's evaluation on another cohort."""
        return bool(self.manifest.get("external"))

    @property
    def model_folder(self) -> Path:
        """Where its model is: in the run that an external evaluation took it from."""
        return RunFolder(run_of_model(self.manifest) or self.path).model

    @property
    def folder(self) -> RunFolder:
        """Its files."""
        return RunFolder(self.path)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """manifest.json."""
        return read_manifest(self.folder)

    @property
    def cohort_told(self) -> CohortOfRun:
        """The cohort by the manifest, there or not."""
        return CohortOfRun(self.manifest, self.moved)

    @property
    def predictions(self) -> pl.DataFrame:
        """All rows of predictions.parquet: tune, calibrate and test."""
        return self._part("predictions")

    @property
    def config(self) -> TrainConfig:
        """config.yaml."""
        return self._part("config")

    @property
    def history(self) -> pl.DataFrame:
        """history.parquet."""
        return self._part("history")

    @property
    def model(self) -> TrainedModel:
        """The model folder, every byte and its self-test checked."""
        return self._part("model")

    @property
    def description(self) -> ModelDescription:
        """model.json."""
        return self._part("description")

    @property
    def cohort(self) -> Cohort:
        """The cohort that the run was trained on."""
        return self._part("cohort")

    @property
    def cache(self) -> EmbeddingCache:
        """Embeddings that the model's head was given, of a frozen backbone or the run's own."""
        return self._part("embeddings")

    @property
    def splits(self) -> Splits:
        """Studies, findings and targets, made from the cohort again."""
        return self._part("splits")

    def _part(self, name: str) -> Any:
        part = self._parts[name]
        if isinstance(part, NotAvailableError):
            raise part
        return part


def _predictions(opened: RunUnderAudit) -> pl.DataFrame:
    read_run(opened.path)  # says what is wrong with the test rows, gates or manifest
    return opened.folder.read("predictions")


def _config(opened: RunUnderAudit) -> TrainConfig:
    _not_external(opened)
    if not opened.folder.config.is_file():
        raise MolreError("missing", where=opened.folder.config)
    return checked(opened.folder.settings(), opened.folder.config)


def _cohort(opened: RunUnderAudit) -> Cohort:
    if not opened.cohort_told.is_there:
        raise NotAvailableError(GONE)
    cohort = opened.cohort_told.opened
    cohort.scans(), cohort.labels()
    if not opened.external:
        cohort.splits()
    return cohort


def _history(opened: RunUnderAudit) -> pl.DataFrame:
    _not_external(opened)
    return opened.folder.read("history")


def _model(opened: RunUnderAudit) -> TrainedModel:
    _not_external(opened)
    return load_model(opened.folder.model)


def _not_external(opened: RunUnderAudit) -> None:
    if opened.external:
        raise NotKeptError("an external evaluation keeps none; audit the run of its model too")


def _embeddings(opened: RunUnderAudit) -> EmbeddingCache:
    adapted, place = opened.description.blocks != "none", opened.cohort.path
    if opened.external and adapted:
        raise NotKeptError("an adapted backbone's embeddings of another cohort are not kept")
    try:
        return open_embeddings(opened.folder, opened.manifest, place, adapted=adapted)
    except MolreError as error:
        raise NotAvailableError(error.what) from None


def _splits(opened: RunUnderAudit) -> Splits:
    config = opened.config
    policy, floor = config.blank_policy, config.min_labels
    # runs from before there was this setting took all scans
    known = "include_not_head" in config.model_fields_set
    every = config.include_not_head or not known
    return load_splits(
        opened.cohort,
        opened.cache,
        findings(),
        policy,
        floor,
        include_not_head=every,
        sources=config.label_sources or (),
    )


_PARTS: dict[str, tuple[str, Callable[[RunUnderAudit], Any]]] = {
    "predictions": ("predictions, routing and manifest", _predictions),
    "config": ("config.yaml", _config),
    "history": ("history.parquet", _history),
    "model": ("model folder: checksums and self-test", _model),
    "description": ("model.json", lambda o: describe(o.folder.description)),
    "cohort": ("cohort", _cohort),
    "embeddings": ("embeddings", _embeddings),
    "splits": ("splits, findings and targets made again", _splits),
}


def strangers(
    folder: Path, known: set[str], inside: Mapping[str, set[str]] | None = None
) -> Iterator[Check]:
    """Flag what lies in a folder and nothing of molre wrote there: nobody looks at it.

    Args:
        folder: of a run, a comparison, ...
        known: names that are looked at.
        inside: the same of folders in it.
    """
    places = {folder: known} | {folder / name: names for name, names in (inside or {}).items()}
    found = sorted(
        str(path.relative_to(folder))
        for place, names in places.items()
        for path in place.glob("*")
        if path.name not in names and not path.name.endswith(".part")
    )
    if found:
        more = ", ..." * (len(found) > SHOWN)
        what = f"{len(found)} were not examined: {', '.join(found[:SHOWN])}{more}"
        yield Check(FILES, STRANGERS, FLAG, what)
    else:
        yield Check(FILES, STRANGERS, PASS, "none")
