"""Audits of runs of every kind: adapters in the backbone, a 3D network, an external cohort."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl
import pytest
import torch
import typer
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from molre.audit.audit import made
from molre.audit.check import FAIL, NUMBERS, PASS, Check
from molre.audit.checks.reread import reread
from molre.audit.checks.synthetic import synthetic
from molre.audit.run_under_audit import STRANGERS, RunUnderAudit
from molre.backbones.catalogue import contract_from_dict
from molre.backbones.catalogue import load as load_backbone
from molre.backbones.volume_contract import VolumeContract
from molre.cli import audit as verb
from molre.cohort.cohort import write_facts
from molre.embedding.embed import embed
from molre.training.config import TrainConfig
from molre.training.train import train
from molre.workflows.evaluate_external import evaluate_external
from molre.workflows.evaluate_run import evaluate_and_report
from tests.helpers.audit import tamper
from tests.helpers.audit.scanned import CONFIG, write_scanned
from tests.helpers.audit.tamper import Place, first_failure
from tests.helpers.benchmark.small_bench import write_small_cohort, write_tiny_vit

SPLITS = ("train",) * 6 + ("tune",) * 4 + ("calibrate",) * 4 + ("test",) * 4
SMALL3D = VolumeContract(shape=(32, 32, 64), spacing=(5.0, 8.0, 4.0), foreground=0.0)
COMMON = {"placement": "blocks", "learning_rates": (1e-2,), "min_labels": 1, "max_epochs": 1}
ADAPTER = "model/adapter/adapter_model.safetensors"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """``blocks``, ``volumes`` and ``external``, each evaluated."""
    root = tmp_path_factory.mktemp("kinds")
    cohort, vit = write_small_cohort(root / "cohort", SPLITS), write_tiny_vit(root / "vit")
    name = f"hf:{vit}"
    adapted = {"backbone": name, "arm": "molre", "contract": contract_from_dict(name, {"size": 32})}
    train(cohort, root / "blocks", TrainConfig(**COMMON, **adapted, budget=1.0))
    whole = {"backbone": "small3d", "arm": "full", "contract": SMALL3D}
    train(cohort, root / "volumes", TrainConfig(**COMMON, **whole))
    for kind in ("blocks", "volumes"):
        evaluate_and_report(root / kind)
    other = write_scanned(root / "other", first=500, salt=b"another salt", splits={"test": 40})
    embed(other, load_backbone("efficientnet_lite0", contract=CONFIG.contract))
    evaluate_external(other, trained / "run", root / "external")
    return root


@pytest.mark.parametrize("kind", ["blocks", "volumes", "external"])
def test_an_untouched_run_of_each_kind_has_no_failure(root: Path, tmp_path: Path, kind: str):
    app = typer.Typer()
    app.command()(verb.command)
    arguments = [str(root / kind), "-o", str(tmp_path), "--weights-dir", str(root), "--reread", "1"]
    if kind == "external":  # it was made without any scan
        arguments = arguments[:3]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    checks = json.loads((tmp_path / "audit.json").read_text())["checks"]
    assert {check["outcome"] for check in checks} - {"PASS"} <= {"FLAG", "NOT CHECKED"}
    assert sum(check["outcome"] == "PASS" for check in checks) > 20
    assert {"PASS"} == {check["outcome"] for check in checks if check["name"] == STRANGERS}
    assert "No check failed" in (tmp_path / "audit.html").read_text()


def nth(places: Iterator[Place], n: int = 0) -> Place:
    return next(islice(places, n, None))


def tensor(run: Path, part: str, file: str = ADAPTER) -> Place:
    from safetensors import safe_open

    with safe_open(run / file, "pt") as opened:
        name = next(name for name in opened.keys() if part in name)  # noqa: SIM118
    return Place(name, run / file, lambda: tamper.set_tensor(run / file, name, 0))


def rows(run: Path, split: str, column: str) -> Place:
    """A number of the first row of a split in predictions.parquet."""
    table = pl.read_parquet(run / "predictions.parquet").with_row_index()
    row = table.filter(pl.col("split") == split)["index"][0]
    path = run / "predictions.parquet"
    return Place(f"{split} {column}", path, lambda: tamper.set_cell(path, column, row))


def one_more_parameter(run: Path) -> Place:
    """Added, and the share with it."""
    path = run / "manifest.json"

    def change() -> None:
        told = json.loads(path.read_text())
        told["added_parameters"] += 1
        told["added_share"] = told["added_parameters"] / told["backbone"]["parameters"]
        path.write_text(json.dumps(told))

    return Place("added parameters", path, change)


TABLE, LEAVES, PRINTED = tamper.table, tamper.leaves, tamper.printed
CHANGED: list[tuple[str, Callable[[Path], Place], str]] = [
    ("blocks", lambda r: rows(r, "test", "logit"), "probabilities from logits"),
    ("blocks", one_more_parameter, "adapter of"),
    ("blocks", lambda r: nth(LEAVES(r, "manifest.json", ("routers",)), 3), "routers of"),
    ("blocks", lambda r: nth(LEAVES(r, "manifest.json", ("gate_entropy",))), "routers of"),
    ("blocks", lambda r: nth(TABLE(r, "routing.parquet", ("gates",)), 9), "routers of"),
    ("blocks", lambda r: nth(TABLE(r, "routing.parquet", ("slice",)), 2), "routers of"),
    ("blocks", lambda r: tensor(r, "molre_B"), "routers of"),
    ("blocks", lambda r: nth(TABLE(r, "metrics.parquet")), "metrics.parquet recomputed"),
    ("volumes", lambda r: rows(r, "test", "probability"), "probabilities from logits"),
    ("volumes", one_more_parameter, "adapter of"),
    ("volumes", lambda r: nth(TABLE(r, "studies.parquet"), 1), "studies.parquet from"),
    ("volumes", lambda r: nth(PRINTED(r, "report.html"), 40), "report.html as rendered"),
    ("external", lambda r: rows(r, "test", "logit"), "probabilities from logits"),
    ("external", lambda r: rows(r, "test", "label"), "predictions.parquet from the model"),
    ("external", lambda r: rows(r, "calibrate", "label"), "model, calibration and calibrate"),
    ("external", lambda r: nth(TABLE(r, "studies.parquet"), 7), "studies.parquet from"),
    ("external", lambda r: nth(LEAVES(r, "manifest.json", ("external",))), "manifest.json from"),
    ("external", lambda r: nth(LEAVES(r, "model/model.json", ("slope",))), "probabilities from"),
    ("external", lambda r: nth(TABLE(r, "metrics.parquet", ("auc",))), "metrics.parquet recomp"),
]


@pytest.fixture(scope="module")
def copies(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changed")
    for kind in ("blocks", "volumes", "external"):
        shutil.copytree(root / kind, folder / kind)
    return folder


@pytest.mark.parametrize(("kind", "place", "named"), CHANGED)
def test_a_changed_number_is_found_by_name(copies: Path, kind: str, place, named: str):
    found = first_failure(copies / kind, place(copies / kind))
    assert found is not None
    assert found.name.startswith(named), found


def test_adapters_that_never_ran_are_found(copies: Path, tmp_path: Path):
    """An attention that reads its weight directly passes an adapted layer by: no gates, no step."""
    run = shutil.copytree(copies / "blocks", tmp_path / "blocks")
    manifest = json.loads((run / "manifest.json").read_text())
    never = {"gate_entropy": None, "routers": {}}
    (run / "manifest.json").write_text(json.dumps(manifest | never))
    (run / "routing.parquet").unlink()
    tensors = load_file(run / ADAPTER)
    still = {name: torch.zeros_like(t) for name, t in tensors.items() if "molre_B" in name}
    save_file(tensors | still, run / ADAPTER)
    tamper.reseal(run)
    found = {check.name: check.found for check in tamper.failures(run)}
    assert "its router may never have run" in found["gates of a routed arm are there"]
    assert "zero as it started" in found["every adapted layer was trained"]


def test_a_router_that_was_exchanged_is_found_by_reading_scans_again(root: Path, copies: Path):
    def read_again(run: Path) -> Iterator[Check]:
        opened = RunUnderAudit(run, weights_dir=root)
        list(opened.whole())
        yield from made(NUMBERS, "read again", partial(reread, opened, 1))

    run = copies / "blocks"
    place = tensor(run, "molre_router_out.bias")
    assert first_failure(run, place) is None
    found = first_failure(run, place, read_again)
    assert found is not None
    assert "gates of study" in found.found


def test_patients_scored_by_a_model_of_phantoms_are_no_contradiction(
    root: Path, copies: Path, tmp_path: Path
) -> None:
    """The evaluation is called synthetic, as its model is, and the cohort is not."""
    cohort = shutil.copytree(root / "other", tmp_path / "other", ignore=lambda *_: ["dicom"])
    scans, labels = (pl.read_parquet(cohort / f"{name}.parquet") for name in ("scans", "labels"))
    real = {"synthetic": pl.lit(False), "manufacturer": pl.lit("Maker")}
    scans.with_columns(**real).write_parquet(cohort / "scans.parquet")
    labels.with_columns(source=pl.lit("reader")).write_parquet(cohort / "labels.parquet")
    write_facts(cohort, synthetic=False)
    for said, outcome in ((True, PASS), (False, FAIL)):
        run = shutil.copytree(copies / "external", tmp_path / f"run {said}")
        manifest = json.loads((run / "manifest.json").read_text())
        (run / "manifest.json").write_text(json.dumps(manifest | {"synthetic": said}))
        opened = RunUnderAudit(run, cohort)
        list(opened.whole())
        assert [check.outcome for check in synthetic(opened)] == [outcome]


def test_an_external_evaluation_without_its_model_s_run_is_checked_as_far_as_it_goes(
    copies: Path, tmp_path: Path
):
    run = shutil.copytree(copies / "external", tmp_path / "external")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["external"]["run"] = "/gone"
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert list(tamper.failures(run)) == []
    found = first_failure(run, rows(run, "test", "label"))
    assert found is not None
    assert (found.outcome, found.name) == (FAIL, "patients and labels of the external cohort")
