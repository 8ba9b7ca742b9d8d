"""3D backbones from a cohort to a prediction: one embedding a volume, and no key slice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from molre import files
from molre.arms.arms import ARMS
from molre.backbones.catalogue import load as load_backbone
from molre.backbones.catalogue import presets
from molre.backbones.contract import Contract
from molre.backbones.families.fm_headct import build
from molre.backbones.volume_contract import VolumeContract
from molre.cohort.cohort import Cohort
from molre.ct.read import read_series
from molre.ct.volume import Volume
from molre.embedding.embed import embed, open_cache
from molre.embedding.volume_pixels import WHOLE
from molre.errors import MolreError
from molre.evaluation.evaluate import evaluate
from molre.model import folder as model_folder
from molre.model.adapted_backbone import adapt
from molre.model.classifier import HeadCTClassifier
from molre.output.prediction.report import write_prediction_report
from molre.output.run.report import write_run_report
from molre.pipeline import NO_KEY_SLICE
from molre.pipeline import load as load_reader
from molre.training.config import TrainConfig
from molre.training.placements.end_to_end import BlocksClassifier
from molre.training.placements.volumes import PreparedVolumes, chunk_size
from molre.training.train import train
from molre.workflows.example_cases import run_examples
from tests.helpers.backbones.checkpoints import narrow, shaken

VIT = "fm_headct"
SHAPE = (24, 24, 24)
SMALL3D = VolumeContract(shape=(32, 32, 64), spacing=(5.0, 8.0, 4.0), foreground=0.0)


@pytest.fixture(scope="module")
def cohort(scans: Path) -> Path:
    return scans


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow FM-HeadCT of random weights; the catalogue's is told to expect it."""
    torch.manual_seed(0)  # whatever ran before
    path = tmp_path_factory.mktemp("weights")
    network = shaken(build(SHAPE, width=192, depth=4, hidden=96))
    save_file(network.state_dict(), path / "model.safetensors")
    published = presets()[VIT]
    presets()[VIT] = narrow(VIT, network)
    yield path
    presets()[VIT] = published


def contract() -> VolumeContract:
    changed = {"shape": SHAPE, "resize": SHAPE, "spacing": (3.0, 3.0, 3.0), "order": 1}
    return presets()[VIT].contract.model_copy(update=changed)


def config(arm: str, placement: str, **settings: object) -> TrainConfig:
    usual: dict[str, object] = {"backbone": VIT, "contract": contract(), "budget": 0.03}
    usual |= {"max_epochs": 2, "learning_rates": (1e-2,), "min_labels": 1, "slice_budget": 96}
    return TrainConfig(arm=arm, placement=placement, **{**usual, **settings})


def manifest(run: Path) -> dict:
    return json.loads((run / "manifest.json").read_text())


def logits(run: Path) -> list[float]:
    table = pl.read_parquet(run / "predictions.parquet")
    return table.sort("study", "finding")["logit"].to_list()


@pytest.fixture(scope="module", params=["slice", "blocks"])
def run(request, cohort: Path, weights: Path, tmp_path_factory) -> Path:
    """MoLRE on the volume's embedding, or in the last block."""
    out = tmp_path_factory.mktemp(request.param) / "run"
    return train(cohort, out, config("molre", request.param), weights_dir=weights)


def first_test_scan(cohort: Path, run: Path) -> tuple[Volume, dict[str, float]]:
    """A scan of the test split, and what the run said of it."""
    table = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    study = table["study"][0]
    row = Cohort(cohort).chosen().filter(pl.col("study") == study).to_dicts()[0]
    said = table.filter(pl.col("study") == study).select("finding", "probability")
    return read_series(row["files"]), dict(said.iter_rows())


def test_a_volume_has_one_embedding(cohort: Path, weights: Path) -> None:
    backbone = load_backbone(VIT, weights_dir=weights, contract=contract())
    cache = embed(cohort, backbone, workers=1).cache
    assert len(cache) == 16
    for content_hash in Cohort(cohort).chosen()["content_hash"]:
        assert cache.get(content_hash).shape == (1, 192)
        assert cache.index(content_hash).tolist() == [WHOLE]


def test_gates_are_of_a_volume(run: Path) -> None:
    facts = manifest(run)
    assert facts["from_scratch"] is False
    assert facts["backbone"]["contract"]["kind"] == "3d"
    if facts["placement"] == "blocks":
        assert facts["sites"] == ["blocks.3.attn.qkv"]
    routing = pl.read_parquet(run / "routing.parquet")
    table = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    assert len(routing) == table["study"].n_unique()
    assert routing["slice"].null_count() == len(routing)


def test_the_report_of_a_run_speaks_of_volumes(run: Path, tmp_path: Path) -> None:
    evaluation = evaluate(run)
    write_run_report(evaluation, tmp_path / "run.html", run_examples(evaluation))
    text = (tmp_path / "run.html").read_text()
    assert "every volume mixes all" in text
    assert "the volume is read as a whole: no key slice" in text
    assert "attention over slices" not in text


def test_a_prediction_has_no_key_slice_and_says_why(run, cohort, weights, tmp_path) -> None:
    volume, said = first_test_scan(cohort, run)
    reading = load_reader(run / "model", weights_dir=weights).reading(volume, even_if_withheld=True)
    prediction = json.loads(reading.prediction.model_dump_json())
    assert {f["key_slice"] for f in prediction["findings"]} == {None}
    assert prediction["no_key_slice"] == NO_KEY_SLICE
    assert prediction["familiarity"] > 0
    assert len(prediction["routing"]["mean_gates"]) == TrainConfig().num_experts
    given = {f["id"]: f["probability"] for f in prediction["findings"]}
    assert given == pytest.approx(said, abs=1e-3)
    write_prediction_report(reading, tmp_path / "report.html", trained_on_synthetic=True)
    assert NO_KEY_SLICE in (tmp_path / "report.html").read_text()


def test_tokens_kept_on_disk_train_what_volumes_train(cohort, weights, tmp_path) -> None:
    settings = config("lora_matched", "blocks")
    plain = train(cohort, tmp_path / "plain", settings, weights_dir=weights)
    kept = train(
        cohort,
        tmp_path / "kept",
        settings.model_copy(update={"prefix_cache": True}),
        weights_dir=weights,
    )
    assert logits(kept) == pytest.approx(logits(plain), abs=5e-3)


def test_prepared_volumes_are_shared_by_all_arms_of_a_contract(cohort, weights) -> None:
    backbone = load_backbone(VIT, weights_dir=weights, contract=contract())
    small = load_backbone("small3d", contract=SMALL3D)
    prepared = PreparedVolumes(backbone)
    first = open_cache(Cohort(cohort), prepared)
    assert len(first) == 16  # the runs above have made them
    assert open_cache(Cohort(cohort), PreparedVolumes(small)).name != first.name
    volumes = torch.stack([first.get(h) for h in Cohort(cohort).chosen()["content_hash"][:2]])
    assert volumes.shape == (2, 1, 3 * 24 * 24 * 24)
    with torch.inference_mode():
        pooled = prepared.resume(volumes[:, 0].float()).pooled
    assert pooled.shape == (2, 192)
    assert prepared.worth_keeping
    assert prepared.gigabytes == pytest.approx(2 * 3 * 24**3 / 1e9)
    assert chunk_size(96, backbone) == 4
    assert chunk_size(8, backbone) == 1


def test_small3d_trains_from_scratch_and_predicts_what_the_run_did(cohort, tmp_path) -> None:
    # a batch of more volumes than are held at once, so that each is run twice in training
    settings = config("full", "blocks", backbone="small3d", contract=SMALL3D, max_epochs=1)
    run = train(cohort, tmp_path / "run", settings)
    facts = manifest(run)
    assert facts["from_scratch"] is True
    assert facts["added_parameters"] == 6_962_418
    state = load_file(run / "model" / "network.safetensors")
    assert int(state["features.norm0.num_batches_tracked"]) > 0
    assert not (run / "routing.parquet").exists()
    volume, said = first_test_scan(cohort, run)
    prediction = load_reader(run / "model")(volume, even_if_withheld=True)
    assert {f.id: f.probability for f in prediction.findings} == pytest.approx(said, abs=1e-3)


def test_small3d_learns_what_can_be_seen_and_keeps_it_in_evaluation_mode() -> None:
    """Volumes with a bleed or without, in chunks, each run twice in training."""
    torch.manual_seed(0)
    backbone = load_backbone("small3d", contract=SMALL3D)
    adapted = adapt(backbone, ARMS["full"], TrainConfig(placement="blocks"))
    model = BlocksClassifier(adapted, HeadCTClassifier(801, 1, dropout=0.0), backbone, 2)
    volumes = 0.2 * torch.randn(4, 1, 3, 32, 32, 64)
    volumes[:2, :, :, 8:24, 8:24, 8:40] += 2.0
    target = torch.tensor([1.0, 1, 0, 0])
    mask, index = torch.ones(4, 1, dtype=torch.bool), torch.zeros(4, 1, dtype=torch.long)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    order = torch.tensor([0, 2, 1, 3])  # a chunk holds one of each
    model.train()
    for _ in range(6):
        logits = model(volumes[order], mask, index).logits[:, 0]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target[order])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert int(backbone.network.features.norm0.num_batches_tracked) > 0
    model.eval()
    with torch.inference_mode():
        alone = [model(v[None], mask[:1], index[:1]).logits.item() for v in volumes]
    assert min(alone[:2]) > max(alone[2:])


@pytest.mark.parametrize(
    ("arm", "placement"),
    [("frozen", "slice"), ("molre", "slice"), ("frozen", "blocks"), ("molre", "blocks")],
)
def test_small3d_has_no_arm_but_full(arm, placement, cohort, tmp_path) -> None:
    settings = config(arm, placement, backbone="small3d", contract=SMALL3D)
    with pytest.raises(MolreError, match=r"^not applicable: .* no weights"):
        train(cohort, tmp_path / "run", settings)
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_a_model_folder_with_a_contract_of_the_other_kind_is_refused(
    run, weights, tmp_path
) -> None:
    shutil.copytree(run / "model", tmp_path / "model")
    swap(tmp_path / "model", contract=Contract().to_dict())
    with pytest.raises(MolreError, match=r"^fm_headct reads whole volumes, but the contract is"):
        load_reader(tmp_path / "model", weights_dir=weights)
    swap(tmp_path / "model", contract=contract().to_dict(), name="efficientnet_lite0")
    with pytest.raises(MolreError, match=r"^efficientnet_lite0 reads slices, but the contract is"):
        load_reader(tmp_path / "model")


def swap(folder: Path, **changed: object) -> None:
    """Change what a model folder says of its backbone and seal it again."""
    path = folder / "model.json"
    content = json.loads(path.read_text())
    content["backbone"] |= changed
    path.write_text(json.dumps(content))
    sums = json.loads((folder / "checksums.json").read_text())["files"]
    sums["model.json"] = files.sha256(path)
    (folder / "checksums.json").write_text(model_folder._seal(sums))
