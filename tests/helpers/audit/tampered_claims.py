"""What a run claims to be: arm, search, splits and patients; and what lies beside its tables."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import yaml

from molre.audit import consistency
from molre.audit.check import FLAG, NOT_CHECKED
from molre.audit.checks import arm as arms
from molre.audit.checks import leakage, unseen
from molre.audit.checks import patients as whose
from molre.audit.checks import predictions as predicted
from molre.audit.checks import split as dealt
from molre.audit.checks import training as trained
from molre.audit.report_differences import RENDERED
from molre.audit.run_under_audit import STRANGERS
from tests.helpers.audit.forge import rewrite
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampered_together import beside, compared, of_pairs, steady
from tests.helpers.audit.tampering import OPENED, WRITTEN, Tampering, at


def arm_called(name: str, scene: Scene) -> None:
    """Another name of the arm wherever a run tells it."""
    for file in ("manifest.json", "model/model.json"):
        scene.json(file, arm=name)
    path = scene.run / "config.yaml"
    path.write_text(re.sub(r"^arm: \w+", f"arm: {name}", path.read_text(), flags=re.M))


def frozen_called_bottleneck(scene: Scene) -> None:
    shutil.rmtree(scene.run)
    shutil.copytree(scene.whole / "compared" / "runs" / "frozen-0", scene.run)
    arm_called("mlp_matched", scene)


def threshold_from_elsewhere(scene: Scene) -> None:
    told = scene.told("model/model.json")["thresholds"]
    new = {
        finding: one | {"origin": "4,000 patients, prospective"} for finding, one in told.items()
    }
    scene.json("model/model.json", thresholds=new)


def finding_called(scene: Scene) -> None:
    first, *others = scene.told("model/model.json")["findings"]
    scene.json("model/model.json", findings=[first | {"name": "any stroke"}, *others])


def own_embeddings(scene: Scene) -> None:
    cache = scene.cohort / "embeddings" / scene.told("manifest.json")["embeddings"]
    shutil.copytree(cache, scene.run / "embeddings")


def footer(scene: Scene) -> None:
    """A sentence that begins as the footer does, where pages of other versions may differ."""
    scene.text("report.html", "</footer>", " Made by molre, at 0.973 in 4,000 patients.</footer>")


def config(scene: Scene, **changed: object) -> None:
    path = scene.run / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed, sort_keys=False))


def search_hidden(scene: Scene) -> None:
    """The rates that the search came to are told as those that were asked for."""
    rates = [row["learning_rate"] for row in scene.told("manifest.json")["rates"]]
    config(scene, learning_rates=sorted(rates))
    told = scene.told("manifest.json")
    kept = {key: told[key] for key in told if key not in ("rates", "rate_at_edge")}
    (scene.run / "manifest.json").write_text(json.dumps(kept))


def called_converged(scene: Scene) -> None:
    """A patience at which the fit could have ended where its budget ended it."""
    told = scene.told("manifest.json")
    config(scene, patience=max(1, told["epochs"] - 1 - told["best_epoch"]))
    scene.json("manifest.json", converged=True)


def exchanged(scene: Scene) -> None:
    ins, outs = (scene.patients(split)[:6] for split in ("calibrate", "test"))
    names = dict.fromkeys(ins, "test") | dict.fromkeys(outs, "calibrate")
    new = pl.col("patient").replace_strict(names, default=pl.col("split"))
    scene.splits(lambda table: table.with_columns(split=new))


def barred(scene: Scene) -> None:
    hard = pl.col("patient").is_in(scene.patients("test")[:4])
    new = {name: pl.when(hard).then(False).otherwise(name) for name in ("eligible", "chosen")}
    scene.scans(lambda table: table.with_columns(**new))


def patients_joined(scene: Scene) -> None:
    one, other = scene.patients("test")[:2]
    new = pl.col("patient").replace({other: one})
    scene.scans(lambda table: table.with_columns(patient=new))


def patients_parted(scene: Scene) -> None:
    """A header that names two studies of one patient, which the table keeps apart."""
    rows = pl.read_parquet(scene.cohort / "scans.parquet")
    files = rows["files"].to_list()
    scene.scans(lambda table: table.with_columns(files=pl.Series([files[0], *files[:-1]])))


def scan_twice(scene: Scene) -> None:
    """A test scan is the calibrate split's, under a pixel hash of its own."""
    opened = scene.opened()
    twin = opened.cache.get(opened.splits["calibrate"].content_hash[0]).float()
    study = opened.splits["test"].study[0]
    rewrite(scene.cohort, scene.run, lambda name, scan: twin if name == study else scan)


def calibrate_guessed(scene: Scene) -> None:
    """Test is read as it was; calibrate as a model reads that never saw its like."""
    noise = pl.col("logit").shuffle(seed=0)
    scene.table(
        "predictions",
        pl.when(pl.col("split") == "calibrate").then(noise).otherwise("logit").alias("logit"),
    )


def nan_of_tune(scene: Scene) -> None:
    value = pl.when(pl.col("split") == "tune").then(float("nan")).otherwise(pl.col("probability"))
    scene.table("predictions", value.alias("probability"))


def in_pairs(**columns: pl.Expr) -> Callable[[Path], None]:
    """Columns of pairs.parquet."""

    def change(out: Path) -> None:
        path = out / "pairs.parquet"
        pl.read_parquet(path).with_columns(**columns).write_parquet(path)

    return change


def few_draws(out: Path) -> None:
    told = json.loads((out / "consistency.json").read_text())
    told["settings"]["draws"] = 50
    (out / "consistency.json").write_text(json.dumps(told))


def page_added(out: Path) -> None:
    (out / "summary.html").write_text("<p>AUC 0.99</p>")


CHOICE = "learning rate and epoch chosen on tune"

CLAIMS: tuple[Tampering, ...] = (
    Tampering(
        "the arm called its shuffled control, everywhere",
        lambda scene: arm_called("molre_shuffled", scene),
        at(arms.named),
        arms.NAME,
    ),
    Tampering(
        "a frozen backbone called the bottleneck, everywhere",
        frozen_called_bottleneck,
        at(arms.named),
        arms.NAME,
    ),
    Tampering(
        "where a threshold comes from",
        threshold_from_elsewhere,
        at(arms.words),
        arms.WORDS,
    ),
    Tampering(
        "patients of five hospitals, said to be trained on",
        lambda scene: scene.json("model/model.json", trained_on="patients of five hospitals"),
        at(arms.words),
        arms.WORDS,
    ),
    Tampering("what a finding is called", finding_called, at(arms.words), arms.CALLED, FLAG),
    Tampering(
        "embeddings of the run's own, beside the cohort's",
        own_embeddings,
        OPENED,
        STRANGERS,
        FLAG,
    ),
    Tampering("a claim in the footer of `report.html`", footer, WRITTEN, RENDERED),
    Tampering(
        "the rates that were tried struck from `manifest.json`",
        search_hidden,
        at(trained.chosen),
        trained.TRIED,
        NOT_CHECKED,
    ),
    Tampering(
        "a smaller patience, so that the run is called converged",
        called_converged,
        at(trained.chosen),
        CHOICE,
    ),
    Tampering(
        "test and calibrate patients exchanged", exchanged, at(dealt.dealt), dealt.NAME, FLAG
    ),
    Tampering(
        "hard studies called not eligible",
        barred,
        at(leakage.left_out),
        "no study left out",
        FLAG,
    ),
    Tampering("two test patients made one", patients_joined, at(whose.whose), whose.NAME, FLAG),
    Tampering("a patient made several", patients_parted, at(whose.whose), whose.NAME, FLAG),
    Tampering(
        "a scan of calibrate in test too, under another pixel hash",
        scan_twice,
        at(leakage.same_embeddings),
        leakage.SAME,
    ),
    Tampering(
        "test read far better than calibrate",
        calibrate_guessed,
        at(unseen.no_better),
        unseen.NAME,
        FLAG,
    ),
    Tampering(
        "probabilities that are no numbers",
        nan_of_tune,
        at(predicted.calibrated),
        "probabilities from logits",
    ),
    Tampering(
        "a page added beside a comparison's tables", compared(page_added), beside, STRANGERS, FLAG
    ),
    Tampering(
        "in what series differ, in `pairs.parquet`",
        steady(in_pairs(contrast=pl.lit("thickness"))),
        of_pairs,
        consistency.OWN,
    ),
    Tampering(
        "whose the pairs are", steady(in_pairs(patient=pl.lit("one"))), of_pairs, consistency.OWN
    ),
    Tampering(
        "another number of draws of a consistency check",
        steady(few_draws),
        of_pairs,
        consistency.USUAL,
        FLAG,
    ),
    Tampering(
        "a page added beside a consistency check", steady(page_added), of_pairs, STRANGERS, FLAG
    ),
)
