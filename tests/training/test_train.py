"""A whole run: what it records of its routers, and the contract it is given."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from typer.testing import CliRunner

import molre
import molre.training.train as training
from molre.audit.checks.training import chosen
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.catalogue import load as load_backbone
from molre.backbones.contract import Contract
from molre.cli.main import app
from molre.cohort.cohort import Cohort, write_table
from molre.ct.read import read_series
from molre.embedding.embed import open_cache
from molre.errors import MolreError
from molre.evaluation.evaluate import evaluate
from molre.labels.findings import findings
from molre.output.run.report import write_run_report
from molre.training.config import TrainConfig, resolve
from molre.training.failures import NotFinite
from molre.training.load_splits import load_splits
from molre.training.presets import PRESETS
from molre.training.rates import at_edge, best_rate
from molre.training.train import train
from tests.helpers.cli.ready import write_ready

CONTRACT = Contract(size=112, windows=((40, 80), (80, 200), (600, 2800)), slab_mm=10)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort that is embedded already, as the backbone's own contract and as CONTRACT ask."""
    path = write_ready(tmp_path_factory.mktemp("ready"))
    cohort = Cohort(path)
    own = open_cache(cohort, load_backbone("efficientnet_lite0"))
    other = open_cache(cohort, load_backbone("efficientnet_lite0", contract=CONTRACT))
    for key in cohort.chosen()["content_hash"]:
        other.put(key, torch.flip(own.get(key).float(), (0,)), np.arange(8))
    other.flush()
    return path


def settings(**more: object) -> TrainConfig:
    values = {"max_epochs": 5, "patience": 5, "learning_rates": (1e-3, 1e-2), "min_labels": 1}
    values |= {"max_rates": 2}
    return TrainConfig(**(values | more))


def manifest(run: Path) -> dict:
    return json.loads((run / "manifest.json").read_text())


def test_a_router_driven_into_collapse_is_said_once_and_recorded(ready, tmp_path, capsys) -> None:
    run = train(ready, tmp_path / "wild", settings(router_rate=1e5, seed=4, **PRESETS["paper"]))
    assert " ".join(capsys.readouterr().err.split()).count("the experts have collapsed") == 1
    found = manifest(run)["collapse"]
    assert len(found) > 0
    history = pl.read_parquet(run / "history.parquet")
    for one in found:
        rows = history.filter(pl.col("learning_rate") == one["learning_rate"])
        assert rows["expert_load"][one["epoch"] - 2 : one["epoch"] + 1].min() > 0.95


def test_a_healthy_run_says_nothing(ready, tmp_path, capsys) -> None:
    run = train(ready, tmp_path / "calm", settings())
    assert "collapsed" not in capsys.readouterr().err
    assert manifest(run)["collapse"] == []
    table = pl.read_parquet(run / "routing.parquet")
    assert table["layer"].unique().to_list() == ["slice"]


def test_a_grid_that_ends_too_low_widens_and_what_was_tried_is_recorded(ready, tmp_path) -> None:
    grid = (1e-4, 3e-4)
    run = train(ready, tmp_path / "low", settings(learning_rates=grid, max_rates=8))
    made = manifest(run)
    rates = [row["learning_rate"] for row in made["rates"]]
    assert set(grid) < set(rates) <= {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1}
    history = pl.read_parquet(run / "history.parquet")
    best = history.group_by("learning_rate").agg(pl.col("tune_auc").max())
    assert dict(best.iter_rows()) == {r["learning_rate"]: r["tune_auc"] for r in made["rates"]}
    assert made["rate_at_edge"] == at_edge(dict(best.iter_rows()))
    assert made["learning_rate"] == best_rate(dict(best.iter_rows()))
    opened = RunUnderAudit(run)
    assert list(opened.whole())
    (checked,) = chosen(opened)
    assert checked.outcome == "PASS", checked


def test_a_wider_rate_that_diverges_loses_nothing(ready, tmp_path, monkeypatch) -> None:
    """Rates up to the limit hardly ever diverge, so one is made to."""
    real = training._fit

    def fit(context, folder, placement, rate, warning):
        if rate > 3e-4:
            raise NotFinite("the loss is not finite for study x")
        return real(context, folder, placement, rate, warning)

    monkeypatch.setattr(training, "_fit", fit)
    run = train(ready, tmp_path / "run", settings(learning_rates=(1e-4, 3e-4), max_rates=8))
    rows = manifest(run)["rates"]
    lost = [row["learning_rate"] for row in rows if row["tune_auc"] is None]
    assert lost == [1e-3]
    assert not manifest(run)["rate_at_edge"]
    opened = RunUnderAudit(run)
    assert list(opened.whole())
    (checked,) = chosen(opened)
    assert checked.outcome == "PASS", checked


def test_train_takes_a_contract_as_embed_does(ready, tmp_path) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump(CONTRACT.to_dict()))
    run = tmp_path / "run"
    flags = ["--set", "max_epochs=1", "--set", "min_labels=1", "--set", "learning_rates=[0.001]"]
    command = ["train", str(ready), "-o", str(run), "--contract", str(file), *flags]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    made = manifest(run)
    own, other = (load_backbone("efficientnet_lite0", contract=c) for c in (None, CONTRACT))
    assert made["embeddings"] == open_cache(Cohort(ready), other).name
    assert made["embeddings"] != open_cache(Cohort(ready), own).name
    assert made["backbone"]["contract_hash"] == CONTRACT.hash
    assert Contract.from_dict(made["backbone"]["contract"]) == CONTRACT
    assert Contract.from_dict(yaml.safe_load((run / "config.yaml").read_text())["contract"]) == (
        CONTRACT
    )
    # the same command is done; another contract is another run
    before = (run / "manifest.json").read_bytes()
    CliRunner().invoke(app, command, catch_exceptions=False)
    assert (run / "manifest.json").read_bytes() == before
    plain = resolve(None, [f for f in flags if f != "--set"])
    with pytest.raises(MolreError, match="another configuration"):
        train(ready, run, plain)


def test_a_contract_that_is_not_there_leaves_nothing(ready, tmp_path) -> None:
    command = ["train", str(ready), "-o", str(tmp_path / "run"), "--contract", "nowhere.yaml"]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, MolreError)
    assert "nowhere.yaml" in str(done.exception)
    assert not (tmp_path / "run").exists()


def test_a_run_from_before_a_setting_existed_is_still_that_run(ready, tmp_path) -> None:
    run = train(ready, tmp_path / "run", settings(max_epochs=1))
    stored = yaml.safe_load((run / "config.yaml").read_text())
    del stored["contract"]
    (run / "config.yaml").write_text(yaml.safe_dump(stored))
    before = (run / "manifest.json").read_bytes()
    train(ready, run, settings(max_epochs=1))
    assert (run / "manifest.json").read_bytes() == before


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of random weights, written as a transformers checkpoint."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny"
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2, "mlp_ratio": 2}
    Dinov2Model(Dinov2Config(**sizes, image_size=112, patch_size=56)).save_pretrained(path)
    return path


@pytest.mark.parametrize("prefix_cache", [False, True])
def test_blocks_are_given_the_contracts_pixels_and_every_layer_is_read(
    tiny: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], prefix_cache: bool
) -> None:
    config = settings(
        backbone=f"hf:{tiny}",
        placement="blocks",
        budget=0.06,
        contract=CONTRACT,
        learning_rates=(1e-2,),
        router_rate=1e5,
        prefix_cache=prefix_cache,
    )
    run = train(scans, tmp_path / "run", config)
    made = manifest(run)
    assert made["backbone"]["contract_hash"] == CONTRACT.hash
    assert len(made["collapse"]) == 1
    assert " ".join(capsys.readouterr().err.split()).count("the experts have collapsed") == 1
    table = pl.read_parquet(run / "routing.parquet")
    assert table["layer"].unique(maintain_order=True).to_list() == made["sites"]
    evaluation = evaluate(run, draws=20)
    routing = evaluation.routing
    assert routing is not None
    write_run_report(evaluation, run / "report.html")
    html = (run / "report.html").read_text()
    assert "the experts had collapsed by epoch" in html
    assert all(f'title="{name}"' in html for name in made["sites"])
    assert list(routing.layers) == made["sites"]
    for i, name in enumerate(made["sites"]):
        load = np.array(table.filter(pl.col("layer") == name)["gates"].to_list()).mean(axis=0)
        assert load == pytest.approx(np.array(made["routers"][name]["mean_load"]), abs=1e-5)
        assert routing.load[i].sum() == pytest.approx(1, abs=1e-5)
    predicts_as_trained(run, scans, tiny)


def predicts_as_trained(run: Path, scans: Path, tiny: Path) -> None:
    table = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    study = table["study"][0]
    files = Cohort(scans).chosen().filter(pl.col("study") == study)["files"][0].to_list()
    reader = molre.load(run / "model", weights_dir=tiny.parent)
    prediction = reader(read_series(files), even_if_withheld=True)
    wanted = table.filter(pl.col("study") == study).sort("finding")["probability"].to_list()
    got = [f.probability for f in sorted(prediction.findings, key=lambda f: f.id)]
    assert got == pytest.approx(wanted, abs=2e-3)


def test_a_run_whose_studies_are_of_other_patients_now_is_not_done(tmp_path: Path) -> None:
    cohort, quick = write_ready(tmp_path / "c"), settings(max_epochs=1, learning_rates=(1e-3,))
    quick = quick.model_copy(update={"max_rates": 1})
    run = train(cohort, tmp_path / "r[1]", quick)  # no pattern
    assert train(cohort, run, quick) == run
    scans = pl.read_parquet(cohort / "scans.parquet")
    dealt = dict(Cohort(cohort).splits().iter_rows())
    tested = next(patient for patient, split in dealt.items() if split == "test")
    trained = next(patient for patient, split in dealt.items() if split == "train")
    moved = pl.when(pl.col("patient") == tested).then(pl.lit(trained)).otherwise("patient")
    is_head = pl.col("patient") != trained
    for changed in (moved.alias("patient"), is_head.alias("head")):
        write_table(cohort / "scans.parquet", scans.with_columns(changed))
        with pytest.raises(MolreError, match="before the cohort's patients or head checks changed"):
            train(cohort, run, quick)


def test_scans_without_a_split_and_labels_without_a_scan_are_said(tmp_path: Path, capsys) -> None:
    cohort = write_ready(tmp_path / "c")
    splits = pl.read_csv(cohort / "splits.csv", infer_schema=False)
    splits[7:].write_csv(cohort / "splits.csv")
    scans = pl.read_parquet(cohort / "scans.parquet")
    write_table(cohort / "scans.parquet", scans.filter(pl.col("study") != splits["patient"][8]))
    cache = open_cache(Cohort(cohort), load_backbone("efficientnet_lite0"))
    load_splits(Cohort(cohort), cache, findings(), "mask", 1)
    said = capsys.readouterr().err
    assert "7 of 59 scans left out: their patients have no split yet" in said
    assert "labels of 1 of 60 studies left out" in said
