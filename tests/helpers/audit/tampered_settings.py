"""Settings, history, and files that are there or not."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from molre.audit.check import FLAG, NOT_CHECKED
from molre.audit.checks import adapter as adapted
from molre.audit.checks import cohort_data as data
from molre.audit.checks import predictions as predicted
from molre.audit.checks import training as trained
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampering import OPENED, Tampering, at, cell, gone

OPENING = "predictions, routing and manifest"
CHOICE = "learning rate and epoch chosen on tune"
CHOSEN = "tune AUC and gate entropy of the chosen epoch"


def manifest(**changed: object) -> Callable[[Scene], None]:
    return lambda scene: scene.json("manifest.json", **changed)


def contract(scene: Scene) -> None:
    backbone = scene.told("model/model.json")["backbone"]
    backbone["contract"]["size"] = 64
    scene.json("model/model.json", backbone=backbone)


def history(column: str, chosen: bool, by: float) -> Callable[[Scene], None]:
    """A number of the chosen epoch, or of all others."""

    def change(scene: Scene) -> None:
        told = scene.told("manifest.json")
        best = (pl.col("epoch") == told["best_epoch"]) & (
            pl.col("learning_rate") == told["learning_rate"]
        )
        here = best if chosen else ~best
        new = pl.when(here).then(pl.col(column) + by).otherwise(pl.col(column))
        scene.table("history", new.alias(column))

    return change


def epoch_gone(scene: Scene) -> None:
    scene.table("history", keep=pl.int_range(pl.len()) != 1)


def more_series(scene: Scene) -> None:
    flow = scene.told("data.json")["flow"]
    scene.json("data.json", flow=flow | {"series": flow["series"] + 10})


def no_gates(scene: Scene) -> None:
    (scene.run / "routing.parquet").unlink()
    scene.json("manifest.json", gate_entropy=None)


def gates_flattened(scene: Scene) -> None:
    even = pl.concat_list([pl.lit(1 / 6, pl.Float32)] * 6)
    scene.table("routing", even.alias("gates"))


SETTINGS: tuple[Tampering, ...] = (
    Tampering(
        "another learning rate in `manifest.json`",
        manifest(learning_rate=0.007),
        at(trained.chosen),
        CHOICE,
    ),
    Tampering(
        "another best epoch in `manifest.json`", manifest(best_epoch=99), at(trained.chosen), CHOICE
    ),
    Tampering(
        "fewer added parameters",
        manifest(added_parameters=10),
        at(trained.sizes),
        "parameters and backbone",
    ),
    Tampering(
        "another gate entropy",
        manifest(gate_entropy=0.5),
        at(predicted.recomputed),
        "gate entropy of manifest.json",
    ),
    Tampering(
        "gates deleted, with their entropy",
        no_gates,
        at(adapted.routed),
        "gates of a routed arm are there",
    ),
    Tampering("gates made even", gates_flattened, at(predicted.recomputed), "gates from the model"),
    Tampering(
        "pretrained told to be from scratch",
        manifest(from_scratch=True),
        at(trained.backbone),
        "backbone of model.json from its weights",
    ),
    Tampering(
        "another size of slices in `model.json`",
        contract,
        at(trained.backbone),
        "backbone of model.json from its weights",
    ),
    Tampering(
        "an epoch budget that the history does not fit",
        lambda scene: scene.text("config.yaml", "max_epochs: 4", "max_epochs: 9"),
        at(trained.chosen),
        CHOICE,
    ),
    Tampering(
        "a learning rate added to `config.yaml`",
        lambda scene: scene.text("config.yaml", "learning_rates:\n", "learning_rates:\n- 0.03\n"),
        at(trained.chosen),
        CHOICE,
    ),
    Tampering(
        "tune AUC of the chosen epoch",
        history("tune_auc", True, 0.05),
        at(predicted.recomputed),
        CHOSEN,
    ),
    Tampering(
        "tune AUC of other epochs, above the chosen one",
        history("tune_auc", False, 0.9),
        at(trained.chosen),
        CHOICE,
    ),
    Tampering("an epoch struck from the history", epoch_gone, at(trained.chosen), CHOICE),
    Tampering(
        "a row of `studies.parquet`",
        cell("studies", "familiarity", 3.0),
        at(data.studies),
        "studies.parquet from the splits",
    ),
    Tampering(
        "counts in `data.json`", more_series, at(data.provenance_again), "data.json from the cohort"
    ),
    Tampering("`predictions.parquet` deleted", gone("predictions.parquet"), OPENED, OPENING),
    Tampering("`history.parquet` deleted", gone("history.parquet"), OPENED, "history.parquet"),
    Tampering(
        "`studies.parquet` deleted",
        gone("studies.parquet"),
        at(data.studies),
        "studies.parquet from the splits",
        NOT_CHECKED,
    ),
    Tampering(
        "`data.json` deleted",
        gone("data.json"),
        at(data.provenance_again),
        "data.json from the cohort",
        NOT_CHECKED,
    ),
    Tampering(
        "a file added to the run",
        lambda scene: (scene.run / "better.parquet").write_bytes(b"x"),
        OPENED,
        "no file that molre did not write",
        FLAG,
    ),
)
