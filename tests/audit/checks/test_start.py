"""What a model keeps of its start tells the scans and the seed that it was trained with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from molre.audit.audit import made
from molre.audit.check import FAIL, FLAG, LEAKAGE, NUMBERS, PASS, Check
from molre.audit.checks.start import MOVED, SEED, TRAIN, centered, moved, seed
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.catalogue import contract_from_dict
from molre.cohort.cohort import write_table
from molre.training.config import TrainConfig
from molre.training.train import train
from tests.helpers.audit import tamper
from tests.helpers.audit.scanned import CONFIG, write_scanned
from tests.helpers.benchmark.small_bench import write_tiny_vit

BANK = "stored slices of the shuffled control"
SPLITS = {"train": 8, "tune": 4, "calibrate": 4, "test": 4}


def look(run: Path, weights_dir: Path | None = None, cohort: Path | None = None) -> list[Check]:
    opened = RunUnderAudit(run, cohort, weights_dir)
    list(opened.whole())
    rows = made(LEAKAGE, TRAIN, lambda: centered(opened))
    return (
        rows
        + made(NUMBERS, SEED, lambda: seed(opened))
        + made(NUMBERS, MOVED, lambda: moved(opened))
    )


def odd(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.found for check in checks if check.outcome != PASS}


def exchanged(cohort: Path, place: Path) -> Path:
    """A copy of a cohort whose first training and test patients changed places."""
    copy = shutil.copytree(cohort, place, ignore=lambda *_: ["dicom"])
    table = pl.read_csv(copy / "splits.csv")
    one, other = (table.filter(pl.col("split") == s)["patient"][0] for s in ("train", "test"))
    names = {one: "test", other: "train"}
    table.with_columns(
        split=pl.col("patient").replace_strict(names, default=pl.col("split"))
    ).write_csv(copy / "splits.csv")
    return copy


@pytest.fixture(scope="module")
def arms(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The other arms at placement slice, trained for an epoch."""
    root = tmp_path_factory.mktemp("arms")
    for arm in ("frozen", "mlp_matched", "molre_random_router", "molre_shuffled"):
        few = {"arm": arm, "max_epochs": 1, "learning_rates": (1e-3,), "seed": 5}
        train(trained / "cohort", root / arm, CONFIG.model_copy(update=few))
    return root


@pytest.mark.parametrize("arm", ["frozen", "mlp_matched", "molre_random_router", "molre_shuffled"])
def test_an_arm_s_start_is_found_again_and_not_from_other_scans(
    arms: Path, trained: Path, tmp_path: Path, arm: str
) -> None:
    assert odd(look(arms / arm)) == {}
    other = exchanged(trained / "cohort", tmp_path / "cohort")
    found = odd(look(arms / arm, cohort=other))
    assert set(found) - {"random router as it was scaled on the training scans"} == (
        {TRAIN, BANK} if arm == "molre_shuffled" else {TRAIN}
    )
    assert "started from other scans" in found[TRAIN]


def test_stored_slices_of_the_shuffled_control_are_looked_at(arms: Path, tmp_path: Path) -> None:
    run = shutil.copytree(arms / "molre_shuffled", tmp_path / "run")
    tamper.set_tensor(run / "model" / "model.safetensors", "classifier.adapter.bank", 7)
    tamper.reseal(run)
    assert set(odd(look(run))) == {BANK}


def test_a_seed_that_is_none_of_the_likely_ones_is_flagged_not_failed(trained, run) -> None:
    """Weights that resemble no draw, as after long training or in another version."""
    path = run / "model" / "model.safetensors"
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    for name in tensors:
        if name.startswith("classifier.") and tensors[name].ndim == 2:
            tensors[name] = tensors[name].flip(0).flip(1).contiguous()
    save_file(tensors, path)
    tamper.reseal(run)
    opened = RunUnderAudit(run)
    list(opened.whole())
    opened._parts["model"] = _unchecked(run)
    assert [check.outcome for check in seed(opened)] == [FLAG]


def _unchecked(run: Path):
    """The model, though it fails its self-test now."""

    from safetensors.torch import load_file

    from molre.model import folder

    tensors = load_file(run / "model" / "model.safetensors")
    description = folder.describe(run / "model" / "model.json")
    classifier = folder.build_classifier(description.classifier)
    classifier.load_state_dict(folder.part(tensors, "classifier."))
    return folder.TrainedModel(description, classifier, None, None, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def blocks(once: Callable[..., Path]) -> Path:
    """Two arms inside a tiny ViT."""

    def make(root: Path) -> None:
        cohort, vit = write_scanned(root / "cohort", splits=SPLITS), write_tiny_vit(root / "vit")
        name = f"hf:{vit}"
        for arm in ("molre_shuffled", "lora"):
            config = TrainConfig(
                arm=arm,
                backbone=name,
                contract=contract_from_dict(name, {"size": 32}),
                placement="blocks",
                learning_rates=(1e-2,),
                min_labels=1,
                max_epochs=1,
                budget=1.0,
            )
            train(cohort, root / arm, config)

    return once("begun", make)


@pytest.mark.parametrize("arm", ["molre_shuffled", "lora"])
def test_inside_a_backbone_the_start_is_found_from_the_scans(
    blocks: Path, tmp_path: Path, arm: str
) -> None:
    checks = look(blocks / arm, weights_dir=blocks)
    assert odd(checks) == {}
    assert (BANK in [check.name for check in checks]) == (arm == "molre_shuffled")
    other = exchanged(blocks / "cohort", tmp_path / "cohort")
    found = {c.name: c for c in look(blocks / arm, weights_dir=blocks, cohort=other)}
    assert found[TRAIN].outcome == FAIL


def test_without_the_scans_the_start_inside_a_backbone_is_not_checked(
    blocks: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(blocks / "cohort", tmp_path / "cohort", ignore=lambda *_: ["dicom"])
    rows = pl.read_parquet(copy / "scans.parquet")
    gone = pl.Series("files", [["/gone.dcm"]] * rows.height)
    write_table(copy / "scans.parquet", rows.with_columns(gone))
    found = odd(look(blocks / "lora", weights_dir=blocks, cohort=copy))
    assert found == {TRAIN: "8 of 8 training scans are not available."}
