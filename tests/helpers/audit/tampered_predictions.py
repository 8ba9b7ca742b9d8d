"""Predictions: logits, probabilities, labels, who is in test."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from molre.audit.checks import cohort_data as data
from molre.audit.checks import predictions as predicted
from tests.helpers.audit.scanned import FINDINGS
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampering import OPENED, Tampering, at

OPENING = "predictions, routing and manifest"
LOGITS = "logits from the model"
WORSE, BETTER = pl.col("label") == 0, pl.col("label") == 1
TEST = pl.col("split") == "test"


def raised(split: str) -> Callable[[Scene], None]:
    """Logits of a split moved towards the labels; probabilities follow."""

    def change(scene: Scene) -> None:
        here = pl.col("split") == split
        up = pl.when(here & BETTER).then(2.0).when(here & WORSE).then(-2.0).otherwise(0.0)
        scene.table("predictions", (pl.col("logit") + up).cast(pl.Float32).alias("logit"))
        model = scene.told("model/model.json")
        intercept = pl.col("finding").replace_strict(FINDINGS, model["intercepts"])
        margin = model["slope"] * pl.col("logit") + intercept
        scene.table(
            "predictions", (1 / (1 + (-margin).exp())).cast(pl.Float32).alias("probability")
        )

    return change


def other_probability(scene: Scene) -> None:
    up = pl.when(TEST & BETTER).then(0.99).otherwise(pl.col("probability"))
    scene.table("predictions", up.cast(pl.Float32).alias("probability"))


def other_label(scene: Scene) -> None:
    rows = pl.read_parquet(scene.run / "predictions.parquet").filter(TEST)
    study = rows["study"][0]
    turned = pl.when(pl.col("study") == study).then(1 - pl.col("label")).otherwise(pl.col("label"))
    scene.table("predictions", turned.cast(pl.Int8).alias("label"))


def hard_ones_dropped(scene: Scene) -> None:
    rows = pl.read_parquet(scene.run / "predictions.parquet").filter(TEST)
    wrong = rows.filter((pl.col("probability") > 0.5) != (pl.col("label") == 1))["study"].unique()
    for name in ("predictions", "studies", "routing"):
        scene.table(name, keep=~pl.col("study").is_in(wrong.sort().head(4).to_list()))


def rows_twice(scene: Scene) -> None:
    path = scene.run / "predictions.parquet"
    rows = pl.read_parquet(path)
    pl.concat([rows, rows.filter(TEST & BETTER).head(6)]).write_parquet(path)


def moved_study(scene: Scene) -> None:
    rows = pl.read_parquet(scene.run / "predictions.parquet")
    study = rows.filter(pl.col("split") == "tune")["study"][0]
    to_test = pl.when(pl.col("study") == study).then(pl.lit("test")).otherwise(pl.col("split"))
    scene.table("predictions", to_test.alias("split"))


def two_as_one_patient(scene: Scene) -> None:
    rows = pl.read_parquet(scene.run / "predictions.parquet").filter(TEST)
    one, other = rows["patient"].unique().sort().head(2)
    scene.table("predictions", pl.col("patient").replace(one, other))


def in_two_splits(scene: Scene) -> None:
    rows = pl.read_parquet(scene.run / "predictions.parquet")
    test, tune = (rows.filter(pl.col("split") == s)["patient"][0] for s in ("test", "tune"))
    scene.table("predictions", pl.col("patient").replace(tune, test))


def finding_renamed(scene: Scene) -> None:
    old, new = FINDINGS[0], "subdural_hemorrhage"
    scene.table("predictions", pl.col("finding").replace(old, new))
    for name in ("manifest.json", "model/model.json"):
        scene.text(name, f'"{old}"', f'"{new}"')


def finding_left_out(scene: Scene) -> None:
    scene.table("predictions", keep=pl.col("finding") != FINDINGS[0])
    scene.json("manifest.json", findings=[FINDINGS[1]])


PREDICTIONS: tuple[Tampering, ...] = (
    Tampering(
        "logits and probabilities of test moved towards the labels",
        raised("test"),
        at(predicted.recomputed),
        LOGITS,
    ),
    Tampering(
        "logits of calibrate likewise", raised("calibrate"), at(predicted.recomputed), LOGITS
    ),
    Tampering(
        "probabilities alone",
        other_probability,
        at(predicted.calibrated),
        "probabilities from logits",
    ),
    Tampering(
        "the label of a test study in `predictions.parquet`",
        other_label,
        at(data.labels),
        "labels of predictions.parquet",
    ),
    Tampering(
        "hard test studies dropped from every table of the run",
        hard_ones_dropped,
        at(data.counts),
        "studies per split",
    ),
    Tampering("easy rows of `predictions.parquet` twice", rows_twice, OPENED, OPENING),
    Tampering("a tune study moved to test", moved_study, OPENED, OPENING),
    Tampering(
        "two test patients told to be one",
        two_as_one_patient,
        at(data.splits),
        "patients and splits of predictions.parquet",
    ),
    Tampering("a patient in two splits", in_two_splits, OPENED, OPENING),
    Tampering(
        "a finding renamed in all files of the run",
        finding_renamed,
        at(data.finding_list),
        "findings have",
    ),
    Tampering(
        "a finding left out of predictions and manifest",
        finding_left_out,
        at(data.finding_list),
        "findings have",
    ),
)
