"""The cohort: splits, labels, scans, embeddings, real or synthetic."""

from __future__ import annotations

import json

import polars as pl
import torch

from molre.audit.check import FLAG
from molre.audit.checks import cohort_data as data
from molre.audit.checks import leakage
from molre.audit.checks import predictions as predicted
from molre.audit.checks import reread as read_again
from molre.audit.checks import start as begun
from molre.audit.checks import synthetic as phantoms
from tests.helpers.audit.forge import derive, rewrite, shift_test
from tests.helpers.audit.scanned import FINDINGS
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampering import READ, Tampering, at

LOGITS = "logits from the model"


def exchanged(scene: Scene, number: int = 6) -> None:
    """Test patients and training patients exchanged in splits.csv."""
    ins, outs = (scene.patients(split)[:number] for split in ("train", "test"))
    names = dict.fromkeys(ins, "test") | dict.fromkeys(outs, "train")
    new = pl.col("patient").replace_strict(names, default=pl.col("split"))
    scene.splits(lambda table: table.with_columns(split=new))


def exchanged_and_derived(scene: Scene) -> None:
    exchanged(scene)
    derive(scene.run, scene.cohort)


def one_exchanged_and_derived(scene: Scene) -> None:
    exchanged(scene, 1)
    derive(scene.run, scene.cohort)


def splits_alone(scene: Scene) -> None:
    path = scene.cohort / "splits.csv"
    path.write_text(path.read_text().replace(",train", ",test", 1))


def test_labels(scene: Scene) -> None:
    patient = scene.patients("test")[0]
    study = pl.read_parquet(scene.cohort / "scans.parquet").filter(pl.col("patient") == patient)
    turned = pl.col("state").replace({"present": "absent", "absent": "present"})
    here = pl.col("study_id").is_in(study["study"].to_list())
    scene.labels(lambda t: t.with_columns(state=pl.when(here).then(turned).otherwise("state")))


def train_labels_thinned(scene: Scene) -> None:
    """A finding keeps too few positives in train to be trained."""
    known = pl.read_parquet(scene.cohort / "scans.parquet").filter(
        pl.col("patient").is_in(scene.patients("train"))
    )["study"]
    here = pl.col("study_id").is_in(known.to_list()) & (pl.col("finding") == FINDINGS[0])
    scene.labels(
        lambda t: t.with_columns(
            state=pl.when(here).then(pl.lit("absent")).otherwise(pl.col("state"))
        )
    )


def other_scan(scene: Scene) -> None:
    path = scene.cohort / "scans.parquet"
    rows = pl.read_parquet(path)
    names = rows["content_hash"].to_list()
    rows.with_columns(content_hash=pl.Series([names[1], names[0], *names[2:]])).write_parquet(path)


def scanners(scene: Scene) -> None:
    """Kernels are told otherwise, and all is derived again."""
    turned = pl.col("kernel").replace({"H30s": "H60s", "H60s": "H30s"})
    scene.scans(lambda table: table.with_columns(kernel=turned))
    derive(scene.run, scene.cohort)


def same_pixels(scene: Scene) -> None:
    rows = pl.read_parquet(scene.cohort / "scans.parquet")
    train, test = (scene.patients(split)[0] for split in ("train", "test"))
    name = rows.filter(pl.col("patient") == train)["pixel_hash"][0]
    both = pl.when(pl.col("patient") == test).then(pl.lit(name)).otherwise(pl.col("pixel_hash"))
    scene.scans(lambda table: table.with_columns(pixel_hash=both))


def dropped_from_the_split(scene: Scene) -> None:
    """Hard test patients are taken out of splits.csv, and all is derived again."""
    hard = scene.patients("test")[:4]
    scene.splits(lambda table: table.filter(~pl.col("patient").is_in(hard)))
    derive(scene.run, scene.cohort)


def dropped_from_the_cohort(scene: Scene) -> None:
    """Hard test patients are taken out of scans, labels and splits, and all is derived again."""
    hard = scene.patients("test")[:4]
    rows = pl.read_parquet(scene.cohort / "scans.parquet")
    studies = rows.filter(pl.col("patient").is_in(hard))["study"].to_list()
    scene.scans(lambda table: table.filter(~pl.col("study").is_in(studies)))
    scene.labels(lambda table: table.filter(~pl.col("study_id").is_in(studies)))
    scene.splits(lambda table: table.filter(~pl.col("patient").is_in(hard)))
    derive(scene.run, scene.cohort)


def shifted(scene: Scene) -> None:
    shift_test(scene.cohort, scene.run)
    derive(scene.run, scene.cohort)


def noisy_twin(scene: Scene) -> None:
    """A test scan is a training scan with noise, at a third of the usual distance."""
    opened = scene.opened()
    train, test = opened.splits["train"], opened.splits["test"]
    summaries = {
        name: torch.stack([opened.cache.get(h).float().mean(0) for h in split.content_hash])
        for name, split in (("train", train), ("test", test))
    }
    usual = torch.cdist(summaries["test"], summaries["train"]).min(dim=1).values.median()
    twin = opened.cache.get(train.content_hash[0]).float()
    noise = torch.randn(twin.shape[1], generator=torch.Generator().manual_seed(0))
    twin = twin + 0.33 * usual * noise / noise.norm()
    rewrite(scene.cohort, scene.run, lambda study, scan: twin if study == test.study[0] else scan)


def damaged_cache(scene: Scene) -> None:
    folder = scene.cohort / "embeddings" / scene.told("manifest.json")["embeddings"]
    path = max(folder.glob("*.safetensors"), key=lambda one: one.stat().st_size)
    content = bytearray(path.read_bytes())
    content[-100:] = bytes(100)
    path.write_bytes(content)


def patients_by_flag(scene: Scene) -> None:
    """Every flag says real."""
    scene.scans(lambda table: table.with_columns(synthetic=pl.lit(False)))
    facts = scene.cohort / "cohort.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"synthetic": False}))
    scene.json("manifest.json", synthetic=False)
    scene.json("data.json", synthetic=False)
    scene.json("model/model.json", synthetic=False, trained_on="patients")


def patients_by_name(scene: Scene) -> None:
    """Flags, manufacturers and sources of labels say real, and all is derived again."""
    patients_by_flag(scene)
    scene.scans(lambda table: table.with_columns(manufacturer=pl.lit("Maker")))
    scene.labels(lambda table: table.with_columns(source=pl.lit("reader")))
    derive(scene.run, scene.cohort)


COHORT: tuple[Tampering, ...] = (
    Tampering(
        "`splits.csv` changed", splits_alone, at(data.hashes), "hashes of scans, splits and labels"
    ),
    Tampering(
        "6 test and 6 training patients exchanged, derived again",
        exchanged_and_derived,
        at(begun.centered),
        begun.TRAIN,
    ),
    Tampering(
        "one test and one training patient exchanged, derived again",
        one_exchanged_and_derived,
        at(begun.centered),
        begun.TRAIN,
    ),
    Tampering(
        "labels of a test study in `labels.parquet`, hashes made anew",
        test_labels,
        at(data.labels),
        "labels of predictions.parquet",
    ),
    Tampering(
        "labels of train, so that a finding falls out",
        train_labels_thinned,
        at(data.finding_list),
        "findings have",
    ),
    Tampering(
        "two scans exchanged in `scans.parquet`",
        other_scan,
        at(data.hashes),
        "hashes of scans, splits and labels",
    ),
    Tampering(
        "kernels told otherwise in `scans.parquet`, derived again",
        scanners,
        READ,
        read_again.HEADERS,
        FLAG,
    ),
    Tampering(
        "a training scan in test too",
        same_pixels,
        at(leakage.pixels),
        "no equal pixels in two splits",
    ),
    Tampering(
        "a training scan in test too, with noise",
        noisy_twin,
        at(leakage.twins),
        "no near twin of a training scan",
        FLAG,
    ),
    Tampering(
        "hard patients struck from `splits.csv`, derived again",
        dropped_from_the_split,
        at(leakage.left_out),
        "no study left out",
        FLAG,
    ),
    Tampering(
        "hard patients struck from the whole cohort, derived again",
        dropped_from_the_cohort,
        at(leakage.left_out),
        "no study left out",
        FLAG,
    ),
    Tampering(
        "cached embeddings of test moved along the head's weights, derived again",
        shifted,
        READ,
        read_again.NAME,
    ),
    Tampering("bytes of the embedding cache", damaged_cache, at(predicted.recomputed), LOGITS),
    Tampering(
        "phantoms called patients by every flag",
        patients_by_flag,
        at(phantoms.synthetic),
        phantoms.WORDS,
    ),
    Tampering(
        "manufacturers and label sources changed as well, derived again",
        patients_by_name,
        READ,
        read_again.NAME,
    ),
)
