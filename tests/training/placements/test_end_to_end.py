"""Placement ``blocks``: adapters in a backbone, trained with the head on pixels or on tokens."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

import molre
from molre.arms.arms import ARMS
from molre.backbones.catalogue import load as load_backbone
from molre.backbones.prefix import Prefix
from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.training.config import TrainConfig
from molre.training.parallel.embedder import Embedder
from molre.training.placements.blocks import adapt_blocks
from molre.training.placements.end_to_end import Pixels
from molre.training.train import train


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ViT of random weights, written as a transformers checkpoint."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny"
    config = Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=224,
        patch_size=56,
        mlp_ratio=2,
    )
    Dinov2Model(config).save_pretrained(path)
    return f"hf:{path}"


@pytest.fixture(scope="module")
def cohort(scans: Path) -> Path:
    return scans


def config(backbone: str, arm: str, **settings: object) -> TrainConfig:
    return TrainConfig(
        backbone=backbone,
        arm=arm,
        placement="blocks",
        num_experts=6,
        r=8,
        budget=0.06,  # two of the four blocks
        max_epochs=2,
        learning_rates=(1e-2,),
        min_labels=1,
        slice_budget=16,
        **settings,
    )


def trained(cohort: Path, out: Path, config: TrainConfig) -> dict[str, object]:
    run = train(cohort, out, config)
    return json.loads((run / "manifest.json").read_text()) | {"run": run}


def logits(run: object) -> list[float]:
    table = pl.read_parquet(Path(str(run)) / "predictions.parquet")
    return table.sort("study", "finding")["logit"].to_list()


def test_tokens_kept_on_disk_train_what_pixels_train(
    cohort: Path, tiny: str, tmp_path: Path
) -> None:
    fresh = trained(cohort, tmp_path / "pixels", config(tiny, "molre"))
    kept = trained(cohort, tmp_path / "tokens", config(tiny, "molre", prefix_cache="auto"))
    assert any("before" in path.name for path in (cohort / "embeddings").iterdir())
    assert fresh["sites"] == kept["sites"]
    assert fresh["blocks"] == 2
    assert 0 < fresh["added_share"] <= 0.06
    # tokens are kept in half precision, and Adam makes much of small differences
    assert logits(kept["run"]) == pytest.approx(logits(fresh["run"]), abs=4e-3)
    for run in (fresh["run"], kept["run"]):
        weights = load_file(Path(str(run)) / "model" / "adapter" / "adapter_model.safetensors")
        assert all(w.abs().max() > 0 for name, w in weights.items() if "molre_B" in name)


@pytest.mark.parametrize(
    ("arm", "precision"),
    [("molre_shuffled", "auto"), ("lora_matched", "auto"), ("molre", "bfloat16")],
)
def test_a_saved_model_predicts_what_the_run_did(
    cohort: Path, tiny: str, tmp_path: Path, arm: str, precision: str
) -> None:
    made = trained(cohort, tmp_path / "run", config(tiny, arm, precision=precision))
    run = Path(str(made["run"]))
    reader = molre.load(run / "model", weights_dir=Path(tiny.removeprefix("hf:")).parent)
    computed = "bfloat16" if precision == "bfloat16" else "float32"
    assert made["backbone"]["precision"] == reader.backbone.precision == computed
    table = pl.read_parquet(run / "predictions.parquet").filter(pl.col("split") == "test")
    study = table["study"][0]
    files = Cohort(cohort).chosen().filter(pl.col("study") == study)["files"][0].to_list()
    from molre.ct.read import read_series

    prediction = reader(read_series(files), even_if_withheld=True)
    wanted = table.filter(pl.col("study") == study).sort("finding")["probability"].to_list()
    got = [f.probability for f in sorted(prediction.findings, key=lambda f: f.id)]
    assert got == pytest.approx(wanted, abs=2e-3)
    assert (prediction.routing is None) == (arm == "lora_matched")
    written = (run / "model" / "adapter" / "adapter_config.json").read_text()
    assert str(tmp_path) not in written
    assert Path(tiny.removeprefix("hf:")).parent.as_posix() not in written


def test_a_random_router_is_as_selective_as_asked_and_is_not_trained(
    cohort: Path, tiny: str, tmp_path: Path
) -> None:
    made = trained(cohort, tmp_path / "run", config(tiny, "molre_random_router"))
    assert made["gate_entropy"] == pytest.approx(0.7, abs=0.1)


def test_resuming_gives_what_the_whole_backbone_gives(tiny: str) -> None:
    backbone = load_backbone(tiny)
    prefix = Prefix(backbone, "encoder.layer.2")
    pixels = torch.randn(3, 3, 224, 224)
    with torch.inference_mode():
        states = prefix(pixels).pooled
        torch.testing.assert_close(prefix.resume(states).pooled, backbone(pixels).pooled)
    with pytest.raises(MolreError, match="cannot be resumed"):
        Prefix(backbone, "encoder.layer.2.attention")


def test_what_does_not_apply_says_so(cohort: Path, tiny: str, tmp_path: Path) -> None:
    small = config(tiny, "molre").model_copy(update={"budget": 1e-4})
    with pytest.raises(MolreError, match="not applicable.*budget"):
        train(cohort, tmp_path / "a", small)
    with pytest.raises(MolreError, match="from its first block on"):
        train(cohort, tmp_path / "b", config(tiny, "lora_all", prefix_cache=True))
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
    either = config(tiny, "lora_all", prefix_cache="auto")
    embedder = Embedder(Cohort(cohort), workers=1)
    blocks = adapt_blocks(embedder, load_backbone(tiny), either, ARMS["lora_all"])
    assert isinstance(blocks.inputs, Pixels), "every pass starts from pixels"
