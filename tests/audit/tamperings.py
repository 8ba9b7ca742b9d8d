"""The tamperings that were tried, and what finds each: rows of docs/how-to/audit.md, run as tests.

Who tampers knows molre: whatever seals a file is made anew, and where a row says "derived again",
all that follows is written by molre's own functions.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import polars as pl
import tamper
import torch
from forge import derive, shift_test
from safetensors.torch import load_file, save_file
from scanned import FINDINGS
from scene import TENSORS, Scene

from molre.audit import (
    adapted,
    begun,
    data,
    evaluated,
    leakage,
    phantoms,
    predicted,
    read_again,
    trained,
)
from molre.audit.audit import Checker
from molre.audit.check import FAIL, FLAG, NOT_CHECKED, Check
from molre.audit.consistency import audit_consistency
from molre.audit.several import together
from molre.evaluation.compare import compare
from molre.evaluation.sources import COMPARISON, read_sources
from molre.output.run_folder import evaluate_and_report

Look = Callable[[Scene], list[Check]]
WORSE, BETTER = pl.col("label") == 0, pl.col("label") == 1
TEST = pl.col("split") == "test"


@dataclass(frozen=True)
class Tampering:
    """A row: what is done, how, and which check comes out how.

    Attributes:
        what: in words, as the docs say it.
        how: does it to a copy.
        look: the checks that are asked.
        check: how the name of the one that finds it begins.
        outcome: of that check.
    """

    what: str
    how: Callable[[Scene], None]
    look: Look
    check: str
    outcome: str = FAIL


@cache
def at(checker: Checker) -> Look:
    """Ask one checker."""
    return lambda scene: scene.look(checker)


WRITTEN: Look = Scene.compare
OPENED: Look = Scene.opening
READ = at(partial(read_again.reread, studies=3, seed=1))


# -- numbers that a reader sees


def cell(table: str, column: str, value: float) -> Callable[[Scene], None]:
    """The first number of a column."""

    def change(scene: Scene) -> None:
        rows = pl.int_range(pl.len())
        first = scene.run / f"{table}.parquet"
        place = pl.read_parquet(first)[column].is_not_null().arg_max()
        scene.table(
            table, pl.when(rows == place).then(value).otherwise(pl.col(column)).alias(column)
        )

    return change


def printed(name: str, pattern: str, new: str) -> Callable[[Scene], None]:
    """A number of a page or a card."""

    def change(scene: Scene) -> None:
        path = scene.run / name
        text = path.read_text()
        found = re.search(pattern, text, re.S)
        assert found is not None
        path.write_text(text[: found.start(1)] + new + text[found.end(1) :])
        tamper.reseal(scene.run)

    return change


def no_metrics(scene: Scene) -> None:
    (scene.run / "metrics.parquet").unlink()
    path = scene.run / "report.html"
    path.write_text(re.sub(r"0\.\d{3}", "0.973", path.read_text()))


def only_the_report(scene: Scene) -> None:
    for name in ("metrics", *evaluated.NAMES):
        (scene.run / f"{name}.parquet").unlink(missing_ok=True)


def only_the_card(scene: Scene) -> None:
    only_the_report(scene)
    (scene.run / "report.html").unlink()


def gone(name: str) -> Callable[[Scene], None]:
    return lambda scene: (scene.run / name).unlink()


# -- predictions


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


# -- the model


def described(**changed: object) -> Callable[[Scene], None]:
    return lambda scene: scene.json("model/model.json", **changed)


def first_of(key: str, value: object) -> Callable[[Scene], None]:
    """The first entry of a list of model.json."""

    def change(scene: Scene) -> None:
        values = scene.told("model/model.json")[key]
        scene.json("model/model.json", **{key: [value, *values[1:]]})

    return change


def threshold(scene: Scene) -> None:
    told = scene.told("model/model.json")["thresholds"]
    first = next(iter(told))
    told[first]["value"] = told[first]["value"] * 0.9
    scene.json("model/model.json", thresholds=told)


def tensor(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Scene], None]:
    return lambda scene: scene.tensor(name, change)


def self_test_of_test(scene: Scene) -> None:
    """The self-test's embedding is of a test scan."""
    opened = scene.opened()
    scan = opened.cache.get(opened.splits["test"].content_hash[0]).float()
    scene.tensor("self_test.embedding", lambda old: scan[: len(old)])
    scene.answer_again()


def other_seeds_model(scene: Scene) -> None:
    shutil.rmtree(scene.run / "model")
    shutil.copytree(scene.whole / "compared" / "runs" / "molre-1" / "model", scene.run / "model")
    scene.json("model/model.json", seed=0)


def seed_named_otherwise(scene: Scene) -> None:
    """The run is called seed 7 everywhere, and derived again."""
    scene.json("manifest.json", seed=7)
    scene.json("model/model.json", seed=7)
    scene.text("config.yaml", "seed: 0", "seed: 7")
    evaluate_and_report(scene.run)


def called_random(scene: Scene) -> None:
    """The trained router is told to be the random control's."""
    for name in ("manifest.json", "model/model.json"):
        scene.json(name, arm="molre_random_router")
    scene.text("config.yaml", "arm: molre", "arm: molre_random_router")


def random_called_trained(scene: Scene) -> None:
    """A random router is told to be trained: its weights are what the seed drew."""
    drawn = begun._drawn(begun._Start(scene.opened()), 0)

    for name, values in drawn.items():
        if begun.ROUTER in name:
            scene.tensor(f"classifier.{name}", lambda _, values=values: values.detach().clone())
    derive(scene.run, scene.cohort)


def center_made_again(scene: Scene) -> None:
    """The center is moved, and all is derived again."""
    scene.tensor("classifier.center", lambda old: old + 0.05)
    derive(scene.run, scene.cohort)


def unsealed(scene: Scene) -> None:
    path = scene.run / TENSORS
    tensors = load_file(path)
    tensors["classifier.pooling.bias"] += 0.1
    save_file(tensors, path)


# -- settings and history


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


# -- the cohort


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


# -- a comparison


def compared(change: Callable[[Path], None]) -> Callable[[Scene], None]:
    """Tamper with a copy of the comparison and its runs."""
    return lambda scene: change(scene.copied("compared"))


def beside(scene: Scene) -> list[Check]:
    """What the comparison and its runs owe each other."""
    out = scene.place / "compared"
    return together(out, read_sources(out / COMPARISON))


def in_csv(name: str, column: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        table = pl.read_csv(out / name, infer_schema_length=None)
        table.with_columns(pl.col(column) * 0.5).write_csv(out / name)

    return change


def in_report(out: Path) -> None:
    path = out / "report.html"
    found = re.search(r"[+\u2212]0\.\d{3}", path.read_text())
    assert found is not None
    path.write_text(path.read_text().replace(found[0], "+0.321", 1))


def compare_again(out: Path, runs: list[Path], **settings: int) -> None:
    from molre.output.comparison_html import write_comparison_report

    write_comparison_report(compare(runs, out, **settings), out / "report.html")


def runs_of(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


def left_out(out: Path) -> None:
    compare_again(out, [run for run in runs_of(out) if run.name != "molre-1"])


def lucky_seed(out: Path) -> None:
    compare_again(out, runs_of(out), seed=13)


def run_edited(out: Path) -> None:
    path = out / "runs" / "molre-0" / "predictions.parquet"
    table = pl.read_parquet(path)
    table.with_columns(logit=pl.col("logit") + 0.1 * pl.col("label")).write_parquet(path)


def seed_copied(out: Path) -> None:
    """A run under another seed, in place of the one that was trained with it."""
    run = out / "runs" / "molre-1"
    shutil.rmtree(run)
    shutil.copytree(out / "runs" / "molre-0", run)
    for name in ("manifest.json", "model/model.json"):
        told = json.loads((run / name).read_text())
        (run / name).write_text(json.dumps(told | {"seed": 1}, indent=2))
    tamper.reseal(run)
    told = read_sources(out / COMPARISON)
    compare_again(out, [(out / one["path"]).resolve() for one in told["runs"]])


def table_gone(out: Path) -> None:
    (out / "contrasts.csv").unlink()


# -- a consistency check


def steady(change: Callable[[Path], None]) -> Callable[[Scene], None]:
    """Tamper with a copy of a consistency check."""

    def done(scene: Scene) -> None:
        out = scene.copied("steady")
        told = json.loads((out / "consistency.json").read_text())
        for part in ("model", "cohort"):  # named from where it lay
            told[part]["path"] = str((scene.whole / "steady" / told[part]["path"]).resolve())
        (out / "consistency.json").write_text(json.dumps(told))
        change(out)

    return done


def of_pairs(scene: Scene) -> list[Check]:
    asked = {"reread": 99, "reread_seed": 1}
    return list(audit_consistency(scene.place / "steady", asked).checks)


def pairs_nearer(out: Path) -> None:
    """Other series answer as the chosen ones; the tables are made again."""
    path = out / "pairs.parquet"
    table = pl.read_parquet(path)
    near = pl.col("chosen") + 0.1 * (pl.col("other") - pl.col("chosen"))
    table.with_columns(other=near).write_parquet(path)


def pairs_dropped(out: Path) -> None:
    """The pairs that drift most are told to have been withheld."""
    path = out / "pairs.parquet"
    table = pl.read_parquet(path)
    study = table["study"][0]
    table.filter(pl.col("study") != study).write_parquet(path)
    told = json.loads((out / "consistency.json").read_text())
    told["withheld"] += 1
    (out / "consistency.json").write_text(json.dumps(told))


NOT_LOADED = "model folder: checksums and self-test"
PREDICTIONS = "predictions, routing and manifest"
SELF_TEST, LOGITS = "self-test vector from a training scan", "logits from the model"
FITTED = "calibration and thresholds from the calibrate split"
CHOICE = "learning rate and epoch chosen on tune"
CHOSEN = "tune AUC and gate entropy of the chosen epoch"
POOLING = "classifier.pooling.weight"
EXPERTS = "classifier.adapter.experts.b"

T = Tampering
TAMPERINGS: tuple[Tampering, ...] = (
    T("macro AUC in `metrics.parquet`", cell("metrics", "auc", 0.99), WRITTEN, "metrics.parquet"),
    T("an interval in `metrics.parquet`", cell("metrics", "auc_low", 0.5), WRITTEN, "metrics.parq"),
    T("a number in `report.html`", printed("report.html", r">(0\.\d{3})", "0.999"), WRITTEN,
      "report.html recomputed: text"),
    T("a point of a chart in `report.html`",
      printed("report.html", r'<path d="M 0 ([\d.]+)', "99.1"), WRITTEN,
      "report.html recomputed: charts"),
    T("a number in the model card", printed("model/README.md", r"\b(0\.\d\d)", "0.99"), WRITTEN,
      "model/README.md"),
    T("a sensitivity of an operating point", cell("operating_points", "sensitivity", 0.99), WRITTEN,
      "operating_points.parquet"),
    T("a positive predictive value", cell("predictive_values", "ppv", 0.99), WRITTEN,
      "predictive_values.parquet"),
    T("net benefit of the decision curve", cell("decision_curve", "net_benefit", 0.4), WRITTEN,
      "decision_curve.parquet"),
    T("the AUC of a subgroup", cell("subgroups", "auc", 0.99), WRITTEN, "subgroups.parquet"),
    T("a risk of the risk-coverage curve", cell("abstention", "auc", 0.99), WRITTEN,
      "abstention.parquet"),
    T("an AUC under the other policy for blanks", cell("sensitivity", "auc", 0.99), WRITTEN,
      "sensitivity.parquet"),
    T("`metrics.parquet` deleted, `report.html` forged", no_metrics, at(evaluated.evaluated),
      "metrics.parquet"),
    T("every table of an evaluation deleted, the report kept", only_the_report,
      at(evaluated.evaluated), "metrics.parquet"),
    T("all of an evaluation deleted but the numbers of the card", only_the_card,
      at(evaluated.evaluated), "report.html"),
    T("`report.html` deleted", gone("report.html"), WRITTEN, "report.html"),
    T("logits and probabilities of test moved towards the labels", raised("test"),
      at(predicted.recomputed), LOGITS),
    T("logits of calibrate likewise", raised("calibrate"), at(predicted.recomputed), LOGITS),
    T("probabilities alone", other_probability, at(predicted.calibrated), "probabilities from"),
    T("the label of a test study in `predictions.parquet`", other_label, at(data.labels),
      "labels of predictions.parquet"),
    T("hard test studies dropped from every table of the run", hard_ones_dropped, at(data.counts),
      "studies a split"),
    T("easy rows of `predictions.parquet` twice", rows_twice, OPENED, PREDICTIONS),
    T("a tune study moved to test", moved_study, OPENED, PREDICTIONS),
    T("two test patients told to be one", two_as_one_patient, at(data.splits),
      "patients and splits"),
    T("a patient in two splits", in_two_splits, OPENED, PREDICTIONS),
    T("a finding renamed in all files of the run", finding_renamed, at(data.finding_list),
      "findings have"),
    T("a finding left out of predictions and manifest", finding_left_out, at(data.finding_list),
      "findings have"),
    T("a threshold in `model.json`", threshold, at(predicted.calibrated), FITTED),
    T("the slope of the calibration", described(slope=1.7), at(predicted.calibrated), FITTED),
    T("an intercept of the calibration", first_of("intercepts", 0.3), at(predicted.calibrated),
      FITTED),
    T("a finding told to be calibrated, or not", first_of("calibrated", False),
      at(predicted.calibrated), FITTED),
    T("counts behind a threshold", first_of("calibrate_positives", 99), at(predicted.calibrated),
      FITTED),
    T("weights of the head", tensor(POOLING, lambda old: 1.1 * old), at(predicted.recomputed),
      LOGITS),
    T("experts of the adapter exchanged", tensor(EXPERTS, lambda old: old.flip(1)),
      at(predicted.recomputed), LOGITS),
    T("the model of another seed", other_seeds_model, at(predicted.recomputed), LOGITS),
    T("the run called by another seed, evaluated again", seed_named_otherwise, at(begun.seed),
      begun.SEED),
    T("a trained router called the random one", called_random, at(begun.centered),
      "random router as"),
    T("a random router called a trained one, derived again", random_called_trained,
      at(begun.moved), begun.MOVED),
    T("the center of the model, derived again", center_made_again, at(begun.centered), begun.TRAIN),
    T("the threshold of familiarity",
      tensor("familiarity.threshold", lambda old: 2 * old), at(trained.familiarity),
      "familiarity from"),
    T("the self-test is of a test scan", self_test_of_test, at(trained.familiarity), SELF_TEST),
    T("the answer of the self-test", tensor("self_test.logits", lambda old: old + 0.1), OPENED,
      NOT_LOADED),
    T("the backbone's embedding of the self-test slice",
      tensor("self_test.probe", lambda old: old + 0.2), at(trained.backbone), "backbone of"),
    T("a tensor, without making the checksums anew", unsealed, OPENED, NOT_LOADED),
    T("a file of the model deleted", gone(TENSORS), OPENED, NOT_LOADED),
    T("format versions that disagree", described(format_version=2), at(trained.settings),
      "config.yaml, model.json"),
    T("another learning rate in `manifest.json`", manifest(learning_rate=0.01), at(trained.chosen),
      CHOICE),
    T("another best epoch in `manifest.json`", manifest(best_epoch=99), at(trained.chosen), CHOICE),
    T("fewer added parameters", manifest(added_parameters=10), at(trained.sizes), "parameters and"),
    T("another gate entropy", manifest(gate_entropy=0.5), at(predicted.recomputed), "gate entropy"),
    T("gates deleted, with their entropy", no_gates, at(adapted.routed), "gates of a routed arm"),
    T("gates made even", gates_flattened, at(predicted.recomputed), "gates from"),
    T("pretrained told to be from scratch", manifest(from_scratch=True), at(trained.backbone),
      "backbone of"),
    T("another size of slices in `model.json`", contract, at(trained.backbone), "backbone of"),
    T("an epoch budget that the history does not fit",
      lambda scene: scene.text("config.yaml", "max_epochs: 4", "max_epochs: 9"),
      at(trained.chosen), CHOICE),
    T("a learning rate added to `config.yaml`",
      lambda scene: scene.text("config.yaml", "learning_rates:\n", "learning_rates:\n- 0.03\n"),
      at(trained.chosen), CHOICE),
    T("tune AUC of the chosen epoch", history("tune_auc", True, 0.05), at(predicted.recomputed),
      CHOSEN),
    T("tune AUC of other epochs, above the chosen one", history("tune_auc", False, 0.9),
      at(trained.chosen), CHOICE),
    T("an epoch struck from the history", epoch_gone, at(trained.chosen), CHOICE),
    T("a row of `studies.parquet`", cell("studies", "familiarity", 3.0), at(data.studies),
      "studies.parquet"),
    T("counts in `data.json`", more_series, at(data.provenance_again), "data.json"),
    T("`predictions.parquet` deleted", gone("predictions.parquet"), OPENED, PREDICTIONS),
    T("`history.parquet` deleted", gone("history.parquet"), OPENED, "history.parquet"),
    T("`studies.parquet` deleted", gone("studies.parquet"), at(data.studies), "studies.parquet",
      NOT_CHECKED),
    T("`data.json` deleted", gone("data.json"), at(data.provenance_again), "data.json",
      NOT_CHECKED),
    T("a file added to the run", lambda scene: (scene.run / "better.parquet").write_bytes(b"x"),
      OPENED, "no file that molre did not write", FLAG),
    T("`splits.csv` changed", splits_alone, at(data.hashes), "hashes of scans"),
    T("6 test and 6 training patients exchanged, derived again", exchanged_and_derived,
      at(begun.centered), begun.TRAIN),
    T("one test and one training patient exchanged, derived again", one_exchanged_and_derived,
      at(begun.centered), begun.TRAIN),
    T("labels of a test study in `labels.parquet`, hashes made anew", test_labels, at(data.labels),
      "labels of predictions.parquet"),
    T("labels of train, so that a finding falls out", train_labels_thinned, at(data.finding_list),
      "findings have"),
    T("two scans exchanged in `scans.parquet`", other_scan, at(data.hashes), "hashes of scans"),
    T("kernels told otherwise in `scans.parquet`, derived again", scanners, READ,
      read_again.HEADERS, FLAG),
    T("a training scan in test too", same_pixels, at(leakage.pixels), "no equal pixels"),
    T("hard patients struck from `splits.csv`, derived again", dropped_from_the_split,
      at(leakage.left_out), "no study left out", FLAG),
    T("hard patients struck from the whole cohort, derived again", dropped_from_the_cohort,
      at(leakage.left_out), "no study left out", FLAG),
    T("cached embeddings of test moved along the head's weights, derived again", shifted, READ,
      read_again.NAME),
    T("bytes of the embedding cache", damaged_cache, at(predicted.recomputed),
      "logits from"),
    T("phantoms called patients by every flag", patients_by_flag, at(phantoms.synthetic),
      phantoms.WORDS),
    T("manufacturers and label sources changed as well, derived again", patients_by_name, READ,
      read_again.NAME),
    T("an AUC in `comparison.csv`", compared(in_csv("comparison.csv", "auc")), beside,
      "comparison.csv from"),
    T("a p-value in `contrasts.csv`", compared(in_csv("contrasts.csv", "p")), beside,
      "contrasts.csv from"),
    T("a difference in a comparison's `report.html`", compared(in_report), beside,
      "report.html from"),
    T("`contrasts.csv` deleted", compared(table_gone), beside, "contrasts.csv from"),
    T("a run changed after it was compared", compared(run_edited), beside, "runs are those"),
    T("a seed left out of a comparison", compared(left_out), beside, "every run beside", FLAG),
    T("another seed of the bootstrap", compared(lucky_seed), beside, "settings of the", FLAG),
    T("a run copied under another seed, compared again", compared(seed_copied), beside,
      "no run holds the predictions"),
    T("a drift in `consistency.csv`", steady(in_csv("consistency.csv", "drift")), of_pairs,
      "consistency.csv from"),
    T("probabilities in `pairs.parquet`", steady(pairs_nearer), of_pairs, "pairs from the scans"),
    T("a pair dropped and called withheld", steady(pairs_dropped), of_pairs,
      "pairs from the scans"),
)  # fmt: skip
